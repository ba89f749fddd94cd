import { MeshError } from "../../errors.ts";
import type { Timer } from "../../internal/clock.ts";
import type { ByteStream } from "../../transport/byte_stream.ts";
import { QueueBody } from "../body.ts";
import type { HttpServerConnection, HttpServerHandler } from "../codec.ts";
import { Exchange } from "../exchange.ts";
import { HeaderList } from "../header_list.ts";
import type { HttpResponse } from "../message.ts";
import { DRAIN_PING, Http2Connection } from "./connection.ts";
import { declareLength } from "./declare_length.ts";
import { Http2ConnectionError } from "./connection_error.ts";
import { errorCodeName, Http2ErrorCode } from "./error_code.ts";
import type { Http2Options } from "./limits.ts";
import { MAX_WINDOW } from "./settings.ts";
import { ServerStream } from "./server_stream.ts";
import type { Http2Stream } from "./stream.ts";

/**
 * Serves HTTP/2 (RFC 9113) on a connection whose client is known to speak it: by ALPN or by its preface.
 *
 * @param stream The connection; its first byte is that of the client's preface.
 * @param handler Answers requests; many at a time.
 * @param options Clock, logger, limits.
 */
export function serveHttp2(
  stream: ByteStream,
  handler: HttpServerHandler,
  options: Http2Options,
): HttpServerConnection {
  return new Http2ServerConnection(stream, handler, options);
}

class Http2ServerConnection extends Http2Connection implements HttpServerConnection {
  readonly closed: Promise<void>;
  protected lastPeerStream = 0;
  readonly #handler: HttpServerHandler;
  /** Streams whose request came with the chunk that is being worked on. */
  #arrived: ServerStream[] = [];
  /** Handlers that have not settled, of streams closed or not. */
  #running = 0;
  /** Last stream that is still answered after GOAWAY; `Infinity` before. */
  #lastAnswered = Infinity;
  #drainTimer: Timer | null = null;
  #resolveClosed: () => void = () => {};

  constructor(stream: ByteStream, handler: HttpServerHandler, options: Http2Options) {
    super(stream, options, "server");
    this.#handler = handler;
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.begin();
  }

  retire(): void {
    this.drain();
  }

  drain(): void {
    if (this.phase !== "open") return;
    this.phase = "draining";
    // Section 6.8: first a GOAWAY that refuses nothing; what was on its way arrives before the answer to the PING.
    this.writer.goAway(MAX_WINDOW, Http2ErrorCode.NO_ERROR);
    this.writer.ping(DRAIN_PING, 0, false);
    this.#drainTimer = this.options.clock.timer(this.limits.lingerMs, () => this.onDrainPing());
  }

  close(): void {
    if (this.phase === "closed") return;
    if (this.phase !== "closing") {
      this.writer.goAway(this.lastPeerStream, Http2ErrorCode.NO_ERROR);
      this.writer.flush();
    }
    this.stream.destroy();
  }

  onGoAway(lastStreamId: number, errorCode: number): void {
    this.options.logger.log("debug", "HTTP/2 client says goodbye", {
      error: errorCodeName(errorCode),
      stream: lastStreamId,
    });
    if (this.phase === "open") this.drain();
  }

  streamAbandoned(stream: Http2Stream): void {
    // Section 8.1: a client may be told to stop only after the whole response. Until then what comes is dropped, as far
    // as the stream's window goes.
    if (stream.localEnded && !stream.remoteEnded) {
      this.resetStream(stream, Http2ErrorCode.NO_ERROR, null);
    }
  }

  contentProgress(stream: Http2Stream, bytes: number): void {
    stream.exchange.responseBodyBytes += bytes;
  }

  protected onContentBytes(stream: Http2Stream, bytes: number): void {
    stream.exchange.requestBodyBytes += bytes;
  }

  protected isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId > this.lastPeerStream;
  }

  protected onNewHead(streamId: number, endStream: boolean): void {
    if (streamId % 2 === 0) {
      throw new Http2ConnectionError(Http2ErrorCode.PROTOCOL_ERROR, `HEADERS on stream ${streamId} of the server`);
    }
    if (streamId <= this.lastPeerStream) {
      if (this.wasReset(streamId)) return this.spendIdle("HEADERS of a reset stream");
      throw new Http2ConnectionError(Http2ErrorCode.STREAM_CLOSED, `HEADERS on closed stream ${streamId}`);
    }
    this.lastPeerStream = streamId;
    if (streamId > this.#lastAnswered) return this.spendIdle("HEADERS after GOAWAY");
    const { limits } = this;
    const most = limits.maxConcurrentStreams;
    if (this.streams.size >= most || this.#running >= most * limits.maxHandlerFactor) {
      return this.refuse(streamId, Http2ErrorCode.REFUSED_STREAM);
    }
    this.#open(streamId, endStream);
  }

  #open(streamId: number, endStream: boolean): void {
    const { head } = this;
    if (head.tooLarge) return this.#answerTooLarge(streamId, endStream);
    const request = head.takeRequest();
    if (request === null || (endStream && head.contentLength > 0)) {
      this.options.logger.log("debug", "HTTP/2 request is malformed", {
        reason: head.malformed ?? "content-length without content",
      });
      return this.refuse(streamId, Http2ErrorCode.PROTOCOL_ERROR);
    }
    const exchange = new Exchange();
    exchange.connection = this.stream.info;
    exchange.requestHeaderBytes = head.bytes;
    exchange.requestStarted = true;
    const stream = new ServerStream(
      streamId,
      exchange,
      this,
      this.limits.streamWindowBytes,
      this.peer.initialWindow,
    );
    stream.isHead = request.method === "HEAD";
    stream.isTunnel = request.method === "CONNECT";
    stream.declaredLength = head.contentLength;
    if (endStream) stream.remoteEnded = true;
    else stream.incoming = new QueueBody(head.contentLength < 0 ? null : head.contentLength, stream);
    this.streams.add(stream);
    if (request.headers.delete("expect") && !endStream) {
      this.writer.headers(streamId, CONTINUE, NO_FIELDS, false, this.encoder);
    }
    const { method, scheme, authority, path, headers } = request;
    stream.request = { method, scheme, authority, path, headers, body: stream.incoming, protocol: "HTTP/2" };
    this.#arrived.push(stream);
  }

  protected onHead(stream: Http2Stream, endStream: boolean): void {
    const { head } = this;
    if (!endStream) return this.violated(stream, Http2ErrorCode.PROTOCOL_ERROR, "trailers without END_STREAM");
    if (head.hasPseudo || head.malformed !== null) {
      return this.violated(stream, Http2ErrorCode.PROTOCOL_ERROR, "malformed trailers");
    }
    if (head.tooLarge) return this.violated(stream, Http2ErrorCode.ENHANCE_YOUR_CALM, "trailers above the limit");
    if (stream.lengthDiffers(stream.receivedLength, true)) {
      return this.violated(stream, Http2ErrorCode.PROTOCOL_ERROR, "content-length differs from the content");
    }
    this.remoteEnd(stream, head.takeHeaders());
  }

  protected deliver(): void {
    const arrived = this.#arrived;
    if (arrived.length === 0) return;
    this.#arrived = [];
    for (const stream of arrived) if (!stream.closed) this.#answer(stream);
  }

  #answer(stream: ServerStream): void {
    const request = stream.request!;
    stream.request = null;
    stream.exchange.onCancel(() => this.resetStream(stream, Http2ErrorCode.CANCEL, stream.exchange.reason));
    this.#running++;
    let answer: Promise<HttpResponse>;
    try {
      answer = this.#handler(request, stream.exchange);
    } catch (error) {
      answer = Promise.reject(error);
    }
    answer.then(
      (response) => this.#respond(stream, response),
      (error) => {
        // After a cancellation a rejection is what a handler owes.
        if (stream.closed) this.#running--;
        else this.#respond(stream, this.#bare500(error));
      },
    );
  }

  #bare500(error: unknown): HttpResponse {
    const reason = error instanceof Error ? error.message : String(error);
    this.options.logger.log("error", "Cannot answer an HTTP/2 request: its handler failed", { reason });
    return { status: 500, headers: new HeaderList(), body: null };
  }

  #respond(stream: ServerStream, response: HttpResponse): void {
    this.#running--;
    const { status, headers } = response;
    let { body } = response;
    if (stream.closed) return body?.cancel();
    const bodiless = status === 204 || status === 304;
    // What HEAD is answered with tells what GET would have brought.
    if (body !== null && !bodiless && body.trailers === null) declareLength(headers, body.length);
    if (body !== null && (stream.isHead || bodiless)) {
      body.cancel();
      body = null;
    }
    const whole = body === null ? null : body.whole();
    const empty = body === null || (whole !== null && whole.length === 0 && body.trailers === null);
    try {
      stream.exchange.responseHeaderBytes = this.writer.headers(
        stream.id,
        [":status", String(status)],
        headers.pairs,
        empty,
        this.encoder,
      );
    } catch (error) {
      body?.cancel(error);
      return this.#respondInstead(stream, error);
    }
    if (!empty) return this.sendContent(stream, body!, whole);
    body?.cancel();
    this.localEnd(stream);
  }

  #respondInstead(stream: ServerStream, error: unknown): void {
    this.#running++;
    this.#respond(stream, this.#bare500(error));
  }

  #answerTooLarge(streamId: number, endStream: boolean): void {
    this.writer.headers(streamId, TOO_LARGE, NO_FIELDS, true, this.encoder);
    // Not served, and counted: a client that goes on like that is cut off.
    if (!endStream) this.refuse(streamId, Http2ErrorCode.NO_ERROR);
    else this.spendIdle("HEADERS above the limit");
  }

  protected override localEnd(stream: Http2Stream): void {
    super.localEnd(stream);
    if (stream.closed || (stream as ServerStream).isTunnel) return;
    // The response is complete, so the rest of the request is of no use (section 8.1); Envoy does the same.
    const { incoming } = stream;
    this.resetStream(stream, Http2ErrorCode.NO_ERROR, null);
    incoming?.fail(new MeshError("ABORTED", "Cannot read the request any further: its response is complete"));
  }

  protected onPeerReset(stream: Http2Stream, errorCode: number): void {
    const error = new MeshError(
      "DOWNSTREAM_CONNECTION_TERMINATION",
      `The client reset its request with '${errorCodeName(errorCode)}'`,
    );
    this.closeStream(stream, error);
  }

  protected failStream(stream: Http2Stream, error: unknown): void {
    stream.incoming?.fail(error);
    stream.exchange.cancel(error);
  }

  protected terminationError(cause: string): Error {
    return new MeshError("DOWNSTREAM_CONNECTION_TERMINATION", `Lost the connection of the client: ${cause}`);
  }

  protected protocolError(message: string): Error {
    return new MeshError("DOWNSTREAM_PROTOCOL_ERROR", `Cannot go on with the request of the client: ${message}`);
  }

  protected onStreamClosed(): void {
    this.#finishWhenIdle();
  }

  protected onDrainPing(): void {
    if (this.phase !== "draining" || this.#lastAnswered !== Infinity) return;
    this.#drainTimer?.cancel();
    this.#lastAnswered = this.lastPeerStream;
    this.writer.goAway(this.lastPeerStream, Http2ErrorCode.NO_ERROR);
    this.#finishWhenIdle();
  }

  #finishWhenIdle(): void {
    if (this.phase === "draining" && this.#lastAnswered !== Infinity && this.streams.size === 0) this.finish();
  }

  protected onGone(): void {
    this.#drainTimer?.cancel();
    this.#resolveClosed();
  }
}

const CONTINUE: readonly string[] = [":status", "100"];
const TOO_LARGE: readonly string[] = [":status", "431"];
const NO_FIELDS: readonly string[] = [];
