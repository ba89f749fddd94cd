import { MeshError } from "../../errors.ts";
import type { ByteStream, ByteStreamHandler } from "../../transport/byte_stream.ts";
import type { Body, QueueBodyOwner } from "../body.ts";
import type { HttpServerConnection, HttpServerHandler } from "../codec.ts";
import { HeaderList } from "../header_list.ts";
import type { HttpResponse } from "../message.ts";
import { BodyWriter, type BodyWriterOwner } from "./body_writer.ts";
import { answerFraming, answerLength } from "./answer_framing.ts";
import { type Framing, requestFraming, UNTIL_CLOSE } from "./framing.ts";
import { HeadWriter } from "./head_writer.ts";
import { type Http1Limits, type Http1Options, resolveHttp1Limits } from "./limits.ts";
import type { MessageHead } from "./message_head.ts";
import { Http1ParseError } from "./parse_error.ts";
import { Http1Parser, type ParserOwner } from "./parser.ts";
import { reasonPhrase } from "../reason_phrase.ts";
import { parseRequestLine, type RequestLine } from "./request_line.ts";
import { requestAuthority, ServerRequest } from "./server_request.ts";
import { requestedUpgrade } from "./upgrade.ts";
import { Watchdog } from "./watchdog.ts";

/**
 * Serves HTTP/1.1 (and 1.0) on a stream, one request after the other; pipelined requests wait unread.
 *
 * Malformed input is answered with its 4xx or 5xx and ends the connection. Requests have `scheme` `http` unless their
 * target says otherwise; an HTTP/1.0 request without `host` has an empty `authority`. Adds no `date` and no `server`:
 * those belong to the layers above, for both codecs alike.
 *
 * Whatever follows a request for an upgrade is the body of that request and never read as another one: an answer of 101
 * makes the connection raw both ways, any other answer ends it. Nothing bounds how long a raw connection is silent.
 *
 * @param stream The connection; taken over.
 * @param handler Answers requests.
 * @param options Bounds, clock, logger.
 */
export function serveHttp1(
  stream: ByteStream,
  handler: HttpServerHandler,
  options: Http1Options,
): HttpServerConnection {
  return new Http1ServerConnection(stream, handler, options);
}

const enum State {
  /** Between requests, or reading or answering one. -> Lingering | Closed */
  Open,
  /** The last answer was sent; what the peer still sends is thrown away until it closes or time is up. -> Closed */
  Lingering,
  Closed,
}

class Http1ServerConnection
  implements HttpServerConnection, ByteStreamHandler, ParserOwner<RequestLine>, QueueBodyOwner, BodyWriterOwner {
  readonly protocol = "HTTP/1.1";
  readonly closed: Promise<void>;
  readonly #stream: ByteStream;
  readonly #handler: HttpServerHandler;
  readonly #options: Http1Options;
  readonly #limits: Http1Limits;
  readonly #parser: Http1Parser<RequestLine>;
  readonly #heads = new HeadWriter();
  readonly #watchdog: Watchdog;
  #resolveClosed!: () => void;
  #state: State = State.Open;
  /** Every answer from now on says close. */
  #draining = false;
  #current: ServerRequest | null = null;
  #dispatchDue = false;
  #writer: BodyWriter | null = null;
  #closeAfter = false;
  #blocked = false;
  #paused = false;
  #discarding = false;
  #discarded = 0;
  #knownHost: string | null = null;

  constructor(stream: ByteStream, handler: HttpServerHandler, options: Http1Options) {
    this.#stream = stream;
    this.#handler = handler;
    this.#options = options;
    this.#limits = resolveHttp1Limits(options.limits);
    this.#parser = new Http1Parser(parseRequestLine, this, this.#limits);
    this.#watchdog = new Watchdog(options.clock, () => this.#expire());
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.#watchdog.watch(this.#limits.idleTimeoutMs);
    stream.start(this);
  }

  get active(): number {
    return this.#current === null ? 0 : 1;
  }

  retire(): void {
    this.#draining = true;
  }

  drain(): void {
    this.#draining = true;
    if (this.#state === State.Open && this.#current === null && this.#parser.atStart) this.#linger();
  }

  close(): void {
    if (this.#state === State.Closed) return;
    this.#stream.destroy();
    this.#gone(
      new MeshError("DOWNSTREAM_CONNECTION_TERMINATION", "Cannot finish the request: the connection was closed"),
    );
  }

  // === ByteStreamHandler

  onData(chunk: Uint8Array): void {
    if (this.#state !== State.Open) return;
    this.#read(() => this.#parser.push(chunk));
  }

  onEnd(): void {
    if (this.#state === State.Closed) return;
    if (this.#current === null || this.#state === State.Lingering) {
      this.#linger();
      return;
    }
    if (this.#current.switched) return this.#read(() => this.#parser.finish());
    // As Envoy and hyper do: a peer that ends while we work has gone. It could not tell us otherwise over HTTP/1.
    this.#stream.destroy();
    this.#gone(peerGone());
  }

  onDrain(): void {
    this.#blocked = false;
    if (this.#state !== State.Open) return;
    this.#watchdog.touch();
    if (this.#writer !== null) this.#writer.drained();
    else if (this.#current === null) this.#readOn();
    this.#watch();
  }

  onClose(error: Error | null): void {
    this.#gone(peerGone(error));
  }

  // === ParserOwner

  onHead(line: RequestLine, head: MessageHead): Framing {
    const authority = requestAuthority(line, head, this.#knownHost);
    this.#knownHost = head.host;
    const upgrade = requestedUpgrade(line, head);
    const framing = upgrade === null ? requestFraming(head, line.version) : UNTIL_CLOSE;
    this.#current = new ServerRequest(line, head, authority, framing, this.#stream.info, upgrade);
    // Called once the whole chunk has been read: small bodies are complete by then.
    this.#dispatchDue = true;
    return framing;
  }

  onWhole(content: Uint8Array | null): void {
    this.#current!.setWhole(content);
    this.#parser.hold();
  }

  onContentStart(length: number | null): void {
    this.#discarded = 0;
    this.#current!.startContent(length, this, () => this.#sendContinue());
  }

  onContent(bytes: Uint8Array): void {
    const current = this.#current!;
    current.exchange.requestBodyBytes += bytes.length;
    this.#watchdog.touch();
    if (!this.#discarding) return current.push(bytes);
    this.#discarded += bytes.length;
    if (this.#discarded > this.#limits.maxDiscardBytes) this.#refuseRest();
  }

  onContentEnd(trailers: HeaderList | null): void {
    const current = this.#current!;
    current.end(trailers);
    this.#parser.hold();
    if (current.answered) this.#complete();
  }

  // === QueueBodyOwner

  consumed(): void {
    this.#updateFlow();
    this.#watch();
  }

  cancelled(): void {
    this.#discarding = true;
    if (this.#current?.switched) this.#receiveNoMore(this.#current);
    this.#updateFlow();
  }

  // === BodyWriterOwner

  onBodyBytes(bytes: number): void {
    this.#watchdog.touch();
    this.#current!.exchange.responseBodyBytes += bytes;
    this.#watch();
  }

  onBodyWritten(error: unknown): void {
    this.#writer = null;
    if (error === null) return this.#finishAnswer();
    // Nothing can be said any more: only a broken connection tells the peer that content is missing.
    this.#stream.destroy();
    this.#gone(error);
  }

  // === Reading

  #read(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof Http1ParseError)) throw error;
      this.#malformed(error);
      return;
    }
    if (this.#dispatchDue) this.#dispatch();
    this.#updateFlow();
    this.#watch();
  }

  #readOn(): void {
    if (this.#state === State.Open) this.#read(() => this.#parser.release());
  }

  #dispatch(): void {
    this.#dispatchDue = false;
    const current = this.#current!;
    current.exchange.onCancel((reason) => this.#cancelExchange(current, reason));
    let answer: Promise<HttpResponse>;
    try {
      answer = this.#handler(current.request, current.exchange);
    } catch (error) {
      answer = Promise.reject(error);
    }
    answer.then(
      (response) => this.#answer(current, response),
      (error: unknown) => this.#answerFailure(current, error),
    );
  }

  #updateFlow(): void {
    const buffered = this.#current === null ? 0 : this.#current.buffered;
    const full = this.#parser.stashed || buffered > this.#limits.bodyHighWaterMark;
    if (full === this.#paused || this.#state !== State.Open) return;
    this.#paused = full;
    if (full) this.#stream.pause();
    else this.#stream.resume();
  }

  #sendContinue(): void {
    if (this.#state === State.Open && !this.#current!.answering) {
      this.#stream.writeAscii("HTTP/1.1 100 Continue\r\n\r\n");
    }
  }

  /** Reads no more of a body nobody wants: the connection ends after the answer. */
  #refuseRest(): void {
    this.#closeAfter = true;
    this.#parser.stop();
    if (this.#current!.answered) this.#complete();
  }

  /** One direction of a raw connection is of no interest any more; the other ends by itself. */
  #receiveNoMore(current: ServerRequest): void {
    current.received = true;
    this.#parser.stop();
    if (current.answered) this.#complete();
  }

  // === Answering

  #answer(current: ServerRequest, response: HttpResponse): void {
    const body = response.body;
    if (current !== this.#current || current.answering) {
      body?.cancel();
      return;
    }
    try {
      this.#writeAnswer(current, response);
    } catch (error) {
      body?.cancel();
      this.#answerFailure(current, error);
    }
  }

  #writeAnswer(current: ServerRequest, response: HttpResponse): void {
    const { status, headers, body } = response;
    if (current.upgrade !== null) {
      // What the client sends behind such a request is no request, whatever the answer is.
      this.#closeAfter = true;
      if (status === 101) return this.#switch(current, response, current.upgrade);
    }
    const whole = body === null ? null : body.whole();
    const framing = answerFraming(response, whole, current.request.method, current.version);
    const contentLength = framing === 0 ? answerLength(response, current.request.method) : framing;
    if (current.last || this.#draining || current.unsure || framing === UNTIL_CLOSE) this.#closeAfter = true;
    const connection = this.#closeAfter ? "close" : current.version === "HTTP/1.0" ? "keep-alive" : null;
    const head = this.#heads.response(status, headers, framing, contentLength, connection);

    current.answering = true;
    current.exchange.responseHeaderBytes = head.length;
    const stream = this.#stream;
    if (framing > 0 && whole !== null && whole.length === framing) {
      stream.cork();
      this.#heads.write(stream, head);
      this.#blocked = !stream.write(whole);
      stream.uncork();
      body!.cancel();
      current.exchange.responseBodyBytes = framing;
      this.#finishAnswer();
    } else if (framing === 0) {
      this.#blocked = !this.#heads.write(stream, head);
      body?.cancel();
      this.#finishAnswer();
    } else {
      this.#writeStreaming(head, body!, framing);
    }
  }

  #writeStreaming(head: string, body: Body, framing: Framing): void {
    // What is at hand at once leaves together with the head.
    const stream = this.#stream;
    stream.cork();
    const full = !this.#heads.write(stream, head);
    this.#writer = new BodyWriter(stream, this.#heads, body, framing, this);
    this.#writer.start(full);
    queueMicrotask(() => stream.uncork());
    this.#watch();
  }

  #switch(current: ServerRequest, { headers, body }: HttpResponse, upgrade: string): void {
    const head = this.#heads.switching(headers, upgrade);
    current.answering = true;
    current.switched = true;
    current.exchange.responseHeaderBytes = head.length;
    if (this.#discarding) this.#receiveNoMore(current);
    if (body !== null) return this.#writeStreaming(head, body, UNTIL_CLOSE);
    this.#blocked = !this.#heads.write(this.#stream, head);
    this.#finishAnswer();
  }

  #answerFailure(current: ServerRequest, error: unknown): void {
    if (current !== this.#current || current.answering) return;
    this.#options.logger.log("error", "Cannot answer a request: the handler failed", {
      error: error instanceof Error ? error.message : String(error),
    });
    this.#answer(current, { status: 500, headers: new HeaderList(), body: null });
  }

  #finishAnswer(): void {
    const current = this.#current!;
    current.answered = true;
    if (current.switched) {
      this.#stream.end();
      if (current.received) this.#complete();
      return;
    }
    if (!current.received && !this.#closeAfter) current.discard();
    if (current.received || this.#closeAfter) this.#complete();
    else this.#watch();
  }

  /** The request under way is over, both ways as far as they go. */
  #complete(): void {
    const current = this.#current!;
    this.#current = null;
    this.#discarding = false;
    if (!current.received) current.fail(peerGone());
    current.exchange.complete();
    if (this.#closeAfter || this.#draining) this.#linger();
    else if (!this.#blocked) this.#readOn();
    else this.#watch();
  }

  // === Ending

  #malformed(error: Http1ParseError): void {
    const current = this.#current;
    this.#dispatchDue = false;
    this.#current = null;
    const failure = new MeshError("DOWNSTREAM_PROTOCOL_ERROR", error.message, { cause: error });
    if (current?.answered) {
      this.#linger();
    } else if (current?.answering) {
      this.#stream.destroy();
    } else {
      this.#options.logger.log("debug", "Cannot read a request", { reason: error.message, status: error.status });
      this.#options.onMalformed?.(error);
      if (error.foreign) {
        this.#stream.end();
        this.#linger();
        return this.#abandon(current, failure);
      }
      this.#stream.writeAscii(
        `HTTP/1.1 ${error.status} ${reasonPhrase(error.status)}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
      );
      this.#linger();
    }
    this.#abandon(current, failure);
  }

  /** Sends the last byte and waits, within bounds, for the peer to do so: a reset could overtake the answer. */
  #linger(): void {
    if (this.#state !== State.Open) {
      if (this.#state === State.Lingering) this.#stream.end();
      return;
    }
    this.#state = State.Lingering;
    this.#parser.stop();
    this.#stream.end();
    if (this.#paused) this.#stream.resume();
    this.#watchdog.watch(Math.max(this.#limits.lingerMs, 1));
  }

  #cancelExchange(current: ServerRequest, reason: unknown): void {
    if (current !== this.#current) return;
    this.#stream.destroy();
    this.#gone(reason);
  }

  #expire(): void {
    const current = this.#current;
    if (this.#state === State.Lingering) {
      this.#stream.destroy();
      this.#gone(null);
    } else if (current !== null) {
      const error = new MeshError("STREAM_IDLE_TIMEOUT", "Cannot finish the request: the peer stopped moving bytes");
      if (!current.answering && !current.received) this.#malformed(new Http1ParseError(408, error.message));
      else {
        this.#stream.destroy();
        this.#gone(error);
      }
    } else if (this.#parser.atStart) {
      this.#linger();
    } else {
      this.#malformed(new Http1ParseError(408, "Cannot read the head: it took too long to arrive"));
    }
  }

  /** Chooses what the watchdog waits for: nothing while it is our turn. */
  #watch(): void {
    if (this.#state !== State.Open) return;
    const current = this.#current;
    let limit = 0;
    if (current === null) {
      limit = this.#blocked
        ? this.#limits.stallTimeoutMs
        : this.#parser.atStart
        ? this.#limits.idleTimeoutMs
        : this.#limits.headTimeoutMs;
    } else if (
      current.switched ? false : this.#writer?.blocked ||
        (!current.received && !current.answering && !this.#paused && current.upgrade === null)
    ) {
      limit = this.#limits.stallTimeoutMs;
    }
    this.#watchdog.keep(limit);
  }

  #gone(error: unknown): void {
    if (this.#state === State.Closed) return;
    this.#state = State.Closed;
    this.#parser.stop();
    this.#watchdog.stop();
    const current = this.#current;
    this.#current = null;
    this.#dispatchDue = false;
    this.#abandon(current, error);
    this.#resolveClosed();
  }

  #abandon(current: ServerRequest | null, error: unknown): void {
    const writer = this.#writer;
    this.#writer = null;
    writer?.abort(error);
    if (current === null) return;
    current.fail(error);
    current.exchange.cancel(error);
    current.exchange.complete(error);
  }
}

function peerGone(cause: unknown = null): MeshError {
  return new MeshError(
    "DOWNSTREAM_CONNECTION_TERMINATION",
    "Cannot finish the request: the client closed the connection",
    cause === null ? {} : { cause },
  );
}
