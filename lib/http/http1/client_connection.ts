import { MeshError } from "../../errors.ts";
import type { ByteStream, ByteStreamHandler, ConnectionInfo } from "../../transport/byte_stream.ts";
import { type Body, BytesBody, QueueBody, type QueueBodyOwner } from "../body.ts";
import type { HttpClientConnection } from "../codec.ts";
import type { Exchange } from "../exchange.ts";
import { HeaderList } from "../header_list.ts";
import type { HttpRequest, HttpResponse } from "../message.ts";
import { declaredLength } from "./answer_framing.ts";
import { BodyWriter, type BodyWriterOwner } from "./body_writer.ts";
import { CHUNKED, type Framing, responseFraming, UNTIL_CLOSE } from "./framing.ts";
import { HeadWriter } from "./head_writer.ts";
import { type Http1Limits, type Http1Options, resolveHttp1Limits } from "./limits.ts";
import type { MessageHead } from "./message_head.ts";
import { Http1ParseError } from "./parse_error.ts";
import { Http1Parser, type ParserOwner } from "./parser.ts";
import { parseStatusLine, type StatusLine } from "./status_line.ts";
import { checkSwitch } from "./upgrade.ts";
import { Watchdog } from "./watchdog.ts";

/**
 * Speaks HTTP/1.1 as a client on a stream, one request at a time.
 *
 * Informational responses are skipped. A response may begin, and end, before its request has been sent completely: the
 * rest of the request is then given up with the connection. Idle time is the pool's business; the codec only bounds how
 * long a peer may move no byte of a body.
 *
 * A request with `upgrade` sends nothing behind its head before the answer. A 101 makes the connection raw: request and
 * response body are then its two directions, each ends by itself, nothing bounds how long they are silent, and the
 * connection serves no other request.
 *
 * @param stream The connection; taken over.
 * @param options Bounds, clock, logger.
 */
export function connectHttp1(stream: ByteStream, options: Http1Options): HttpClientConnection {
  return new Http1ClientConnection(stream, options);
}

/** Methods whose requests need not say that they have no content, as Envoy writes them. */
const BODILESS: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "TRACE", "CONNECT"]);

/** A request under way. */
interface Current {
  readonly method: string;
  readonly exchange: Exchange;
  readonly resolve: (response: HttpResponse) => void;
  readonly reject: (error: unknown) => void;
  /** The response once its head has arrived. */
  response: HttpResponse | null;
  /** Content that is still arriving. */
  queue: QueueBody | null;
  /** The whole request has been handed to the stream. */
  sent: boolean;
  /** The whole response has arrived. */
  received: boolean;
  informational: number;
  /** What was asked to switch to; `null` for an ordinary request, and once that was refused. */
  upgrade: string | null;
  /** What the client sends after an upgrade, until that has happened or was refused. */
  upgradeBody: Body | null;
  /** The connection is raw. */
  switched: boolean;
}

class Http1ClientConnection
  implements HttpClientConnection, ByteStreamHandler, ParserOwner<StatusLine>, QueueBodyOwner, BodyWriterOwner {
  readonly protocol = "HTTP/1.1";
  onChange: (() => void) | null = null;
  readonly #stream: ByteStream;
  readonly #limits: Http1Limits;
  readonly #parser: Http1Parser<StatusLine>;
  readonly #heads = new HeadWriter();
  readonly #watchdog: Watchdog;
  #state: "open" | "draining" | "closed" = "open";
  #current: Current | null = null;
  /** Whether a head was read in the chunk being processed: handed out once the chunk is through. */
  #due = false;
  #writer: BodyWriter | null = null;
  #reusable = true;
  #paused = false;

  constructor(stream: ByteStream, options: Http1Options) {
    this.#stream = stream;
    this.#limits = resolveHttp1Limits(options.limits);
    this.#parser = new Http1Parser(parseStatusLine, this, this.#limits);
    this.#watchdog = new Watchdog(options.clock, () => this.#expire());
    stream.start(this);
  }

  get info(): ConnectionInfo {
    return this.#stream.info;
  }

  get state(): "open" | "draining" | "closed" {
    return this.#state;
  }

  get active(): number {
    return this.#current === null ? 0 : 1;
  }

  get available(): number {
    return this.#state === "open" && this.#current === null ? 1 : 0;
  }

  send(request: HttpRequest, exchange: Exchange): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      if (this.#state !== "open" || this.#current !== null) {
        const error = new MeshError("UPSTREAM_REFUSED_STREAM", "Cannot send the request: the connection is not free");
        request.body?.cancel(error);
        return reject(error);
      }
      if (exchange.cancelled) {
        request.body?.cancel(exchange.reason);
        return reject(exchange.reason);
      }
      this.#send(request, exchange, resolve, reject);
    });
  }

  drain(): void {
    if (this.#state !== "open") return;
    if (this.#current === null) return this.#close(false);
    this.#state = "draining";
    this.onChange?.();
  }

  close(): void {
    this.#fail(
      new MeshError("UPSTREAM_CONNECTION_TERMINATION", "Cannot finish the request: the connection was closed"),
    );
  }

  // === ByteStreamHandler

  onData(chunk: Uint8Array): void {
    if (this.#state === "closed") return;
    // What comes unasked could be taken for the answer to the next request.
    if (this.#current === null) return this.#close(true);
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof Http1ParseError)) throw error;
      this.#malformed(error);
    }
    this.#settle();
    this.#updateFlow();
  }

  onEnd(): void {
    if (this.#state === "closed") return;
    this.#reusable = false;
    try {
      this.#parser.finish();
    } catch (error) {
      if (!(error instanceof Http1ParseError)) throw error;
      return this.#fail(terminated(error));
    }
    this.#settle();
    if (this.#current?.switched) return;
    if (this.#current !== null) this.#fail(terminated());
    else this.#close(false);
  }

  onDrain(): void {
    this.#watchdog.touch();
    this.#writer?.drained();
    this.#watch();
  }

  onClose(error: Error | null): void {
    this.#fail(terminated(error));
    this.#watchdog.stop();
  }

  // === ParserOwner

  onHead(line: StatusLine, head: MessageHead): Framing {
    const current = this.#current;
    if (current === null || current.received) {
      throw new Http1ParseError(400, "Cannot accept the response: no request was sent");
    }
    if (line.status === 101 && current.upgrade !== null) return this.#switch(current, line, head, current.upgrade);
    if (line.status < 200) return this.#informational(current, line.status, head);
    this.#endUpgrade(current, null);
    const framing = responseFraming(head, line.status, line.version, current.method);
    current.exchange.responseHeaderBytes = head.bytes;
    current.response = { status: line.status, headers: new HeaderList(head.pairs), body: null };
    if (head.close || (line.version === "HTTP/1.0" && !head.keepAlive) || framing === UNTIL_CLOSE) {
      this.#reusable = false;
    }
    this.#due = true;
    return framing;
  }

  onWhole(content: Uint8Array | null): void {
    const current = this.#current!;
    // An informational response ends without being one.
    if (current.response === null) return;
    if (content !== null) {
      current.response.body = new BytesBody(content);
      current.exchange.responseBodyBytes = content.length;
    }
    current.received = true;
  }

  onContentStart(length: number | null): void {
    const current = this.#current!;
    current.queue = new QueueBody(length, this);
    current.response!.body = current.queue;
  }

  onContent(bytes: Uint8Array): void {
    const current = this.#current!;
    current.exchange.responseBodyBytes += bytes.length;
    current.queue!.push(bytes);
  }

  onContentEnd(trailers: HeaderList | null): void {
    const current = this.#current!;
    current.queue!.end(trailers);
    current.received = true;
  }

  // === QueueBodyOwner

  consumed(): void {
    this.#updateFlow();
  }

  cancelled(reason: unknown): void {
    const current = this.#current;
    if (current?.switched) {
      // One direction is of no interest any more; the other ends by itself.
      current.received = true;
      this.#parser.stop();
      this.#updateFlow();
      this.#settle();
      return;
    }
    // The reader wants no more and the rest could be endless: over HTTP/1.1 only closing stops the sender.
    this.#fail(reason ?? new MeshError("ABORTED", "Cannot read the response: its content was cancelled"));
  }

  // === BodyWriterOwner

  onBodyBytes(bytes: number): void {
    this.#watchdog.touch();
    this.#current!.exchange.requestBodyBytes += bytes;
    this.#watch();
  }

  onBodyWritten(error: unknown): void {
    this.#writer = null;
    if (error !== null) return this.#fail(error);
    const current = this.#current!;
    current.sent = true;
    if (current.switched) {
      this.#stream.end();
      this.#settle();
    }
    this.#watch();
  }

  // === Sending

  #send(
    request: HttpRequest,
    exchange: Exchange,
    resolve: (response: HttpResponse) => void,
    reject: (error: unknown) => void,
  ): void {
    const { method, upgrade } = request;
    const upgradeBody = upgrade === undefined ? null : request.body;
    const body = upgrade === undefined ? request.body : null;
    const whole = body === null ? null : body.whole();
    const framing = requestFramingOf(body, whole, request.headers);
    let head: string;
    try {
      const explicit = body !== null || !BODILESS.has(method);
      head = this.#heads.request(method, request.path, request.authority, request.headers, framing, explicit, upgrade);
    } catch (error) {
      request.body?.cancel(error);
      return reject(new MeshError("UPSTREAM_PROTOCOL_ERROR", (error as Error).message, { cause: error }));
    }
    const current: Current = {
      method,
      exchange,
      resolve,
      reject,
      response: null,
      queue: null,
      sent: true,
      received: false,
      informational: 0,
      upgrade: upgrade ?? null,
      upgradeBody,
      switched: false,
    };
    this.#current = current;
    exchange.connection = this.#stream.info;
    exchange.protocol = "HTTP/1.1";
    exchange.requestStarted = true;
    exchange.requestHeaderBytes = head.length;
    exchange.onCancel((reason) => {
      if (this.#current === current) this.#fail(reason);
    });
    const stream = this.#stream;
    if (framing === 0) {
      this.#heads.write(stream, head);
      body?.cancel();
    } else if (whole !== null && whole.length === framing) {
      stream.cork();
      this.#heads.write(stream, head);
      stream.write(whole);
      stream.uncork();
      body!.cancel();
      exchange.requestBodyBytes = framing;
    } else {
      current.sent = false;
      // What is at hand at once leaves together with the head.
      stream.cork();
      const full = !this.#heads.write(stream, head);
      this.#writer = new BodyWriter(stream, this.#heads, body!, framing, this);
      this.#writer.start(full);
      queueMicrotask(() => stream.uncork());
      this.#watch();
    }
  }

  // === Receiving

  /** The server agreed: from here on the connection is raw both ways. */
  #switch(current: Current, line: StatusLine, head: MessageHead, upgrade: string): Framing {
    checkSwitch(head, line.version, upgrade);
    current.exchange.responseHeaderBytes = head.bytes;
    current.response = { status: 101, headers: new HeaderList(head.pairs), body: null };
    current.switched = true;
    current.sent = false;
    this.#reusable = false;
    this.#due = true;
    return UNTIL_CLOSE;
  }

  /** What was meant to follow the upgrade is of no use: it was refused, or the connection is gone. */
  #endUpgrade(current: Current, reason: unknown): void {
    current.upgrade = null;
    const body = current.upgradeBody;
    current.upgradeBody = null;
    body?.cancel(reason ?? undefined);
  }

  /** Begins to send what follows the upgrade. */
  #sendUpgraded(current: Current): void {
    const body = current.upgradeBody;
    current.upgradeBody = null;
    if (body === null) return this.onBodyWritten(null);
    this.#writer = new BodyWriter(this.#stream, this.#heads, body, UNTIL_CLOSE, this);
    this.#writer.start(false);
    this.#watch();
  }

  #informational(current: Current, status: number, head: MessageHead): Framing {
    if (status === 101) throw new Http1ParseError(400, "Cannot accept the response: no upgrade was asked for");
    if (++current.informational > this.#limits.maxInformational) {
      throw new Http1ParseError(400, "Cannot accept the response: too many informational ones came before it");
    }
    if (head.chunked || head.contentLength > 0) {
      throw new Http1ParseError(400, "Cannot accept the response: an informational one has no content");
    }
    return 0;
  }

  /** After each received piece: hands a new response out, and ends the exchange of a complete one. */
  #settle(): void {
    const current = this.#current;
    if (current === null) return;
    if (this.#due) {
      this.#due = false;
      current.resolve(current.response!);
      if (current.switched) this.#sendUpgraded(current);
    }
    if (!current.received || (current.switched && !current.sent) || this.#current !== current) return;
    this.#current = null;
    const writer = this.#writer;
    this.#writer = null;
    // The server has answered for good: the rest of the request interests nobody, and cannot be left out.
    writer?.abort(new MeshError("ABORTED", "Cannot send the rest of the request: the response is complete"));
    current.exchange.complete();
    if (!current.sent) this.#close(true);
    else if (!this.#reusable || this.#state === "draining" || !this.#parser.atStart) this.#close(false);
    else {
      this.#watch();
      this.onChange?.();
    }
  }

  #updateFlow(): void {
    if (this.#state === "closed") return;
    const queue = this.#current?.queue ?? null;
    const full = queue !== null && queue.buffered > this.#limits.bodyHighWaterMark;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.#stream.pause();
    else this.#stream.resume();
  }

  /** Bounds only how long the server may take none of our bytes: a silent response may be a stream of events. */
  #watch(): void {
    if (this.#state === "closed") return;
    // What follows an upgrade may be silent for as long as it likes, and leave the other side's bytes where they are.
    const bounded = this.#writer?.blocked === true && this.#current?.switched !== true;
    this.#watchdog.keep(bounded ? this.#limits.stallTimeoutMs : 0);
  }

  // === Ending

  #malformed(error: Http1ParseError): void {
    this.#reusable = false;
    // Garbage behind a complete response does it no harm.
    if (this.#current!.received) return;
    this.#fail(new MeshError("UPSTREAM_PROTOCOL_ERROR", error.message, { cause: error }));
  }

  #expire(): void {
    if (this.#state === "closed") this.#stream.destroy();
    else this.#fail(new MeshError("STREAM_IDLE_TIMEOUT", "Cannot send the request: the server stopped taking bytes"));
  }

  /** Closes at once; the request under way fails. */
  #fail(error: unknown): void {
    if (this.#state === "closed") return;
    const current = this.#current;
    const undelivered = current?.response === null || this.#due;
    this.#current = null;
    this.#due = false;
    const writer = this.#writer;
    this.#writer = null;
    writer?.abort(error);
    if (current !== null) this.#endUpgrade(current, error);
    this.#close(true);
    if (current === null) return;
    if (undelivered) current.reject(error);
    current.queue?.fail(error);
    current.exchange.complete(error);
  }

  /** @param now Whether to close at once rather than after what is queued has left. */
  #close(now: boolean): void {
    this.#state = "closed";
    this.#parser.stop();
    if (now) {
      this.#watchdog.stop();
      this.#stream.destroy();
    } else {
      // A server that does not close in its turn must not hold the socket.
      this.#watchdog.watch(Math.max(this.#limits.lingerMs, 1));
      if (this.#paused) this.#stream.resume();
      this.#stream.end();
    }
    this.onChange?.();
  }
}

function requestFramingOf(body: Body | null, whole: Uint8Array | null, headers: HeaderList): Framing {
  if (body === null) return 0;
  if (body.length !== null) return body.length;
  if (whole !== null && body.trailers === null) return whole.length;
  return declaredLength(headers) ?? CHUNKED;
}

function terminated(cause: unknown = null): MeshError {
  return new MeshError(
    "UPSTREAM_CONNECTION_TERMINATION",
    "Cannot finish the request: the server closed the connection",
    cause === null ? {} : { cause },
  );
}
