import { MeshError } from "../../errors.ts";
import { formatAddress } from "../../internal/socket_address.ts";
import type { ByteStream, ConnectionInfo } from "../../transport/byte_stream.ts";
import { QueueBody } from "../body.ts";
import type { HttpClientConnection } from "../codec.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpRequest, HttpResponse } from "../message.ts";
import { ClientStream } from "./client_stream.ts";
import { Http2Connection } from "./connection.ts";
import { declareLength } from "./declare_length.ts";
import { Http2ConnectionError } from "./connection_error.ts";
import { errorCodeName, Http2ErrorCode } from "./error_code.ts";
import type { Http2Options } from "./limits.ts";
import type { Http2Stream } from "./stream.ts";
import { Http2StreamReset } from "./stream_reset.ts";

/** Streams opened before the peer has said how many it takes (RFC 9113 section 6.5.2 advises no smaller limit). */
const STREAMS_BEFORE_SETTINGS = 100;
const LAST_STREAM = 0x7fffffff;

/**
 * Speaks HTTP/2 (RFC 9113) as the client on a connection whose server is known to speak it: by ALPN or by prior
 * knowledge. Requests may be sent at once.
 *
 * @param stream The connection.
 * @param options Clock, logger, limits.
 */
export function connectHttp2(stream: ByteStream, options: Http2Options): HttpClientConnection {
  return new Http2ClientConnection(stream, options);
}

class Http2ClientConnection extends Http2Connection implements HttpClientConnection {
  onChange: (() => void) | null = null;
  /** The server opens no streams: push is off. */
  protected readonly lastPeerStream = 0;
  #nextStream = 1;
  #changed = false;

  constructor(stream: ByteStream, options: Http2Options) {
    super(stream, options, "client");
    this.begin();
  }

  get info(): ConnectionInfo {
    return this.stream.info;
  }

  get state(): "open" | "draining" | "closed" {
    return this.phase === "closing" ? "closed" : this.phase;
  }

  get available(): number {
    if (this.phase !== "open") return 0;
    const granted = this.settingsSeen ? this.peer.maxConcurrentStreams : STREAMS_BEFORE_SETTINGS;
    return Math.max(0, Math.min(granted, this.limits.maxConcurrentRequests) - this.streams.size);
  }

  send(request: HttpRequest, exchange: Exchange): Promise<HttpResponse> {
    // A request that is not sent keeps its body, for another connection may take both.
    if (exchange.cancelled) return Promise.reject(exchange.reason);
    if (this.available === 0) {
      return Promise.reject(this.#refused(`the connection takes no more requests now (it is ${this.state})`));
    }
    const id = this.#nextStream;
    this.#nextStream += 2;
    const { body } = request;
    const whole = body === null ? null : body.whole();
    const empty = body === null || (whole !== null && whole.length === 0 && body.trailers === null);
    if (body === null) declareLength(request.headers, impliedLength(request.method));
    else if (body.trailers === null) declareLength(request.headers, body.length);
    try {
      exchange.requestHeaderBytes = this.writer.headers(
        id,
        pseudoHeaders(request),
        request.headers.pairs,
        empty,
        this.encoder,
      );
    } catch (error) {
      // Nothing was written, so the identifier is still unused.
      this.#nextStream = id;
      const message = `Cannot send the request: ${error instanceof Error ? error.message : error}`;
      return Promise.reject(new MeshError("UPSTREAM_PROTOCOL_ERROR", message, { cause: error }));
    }
    exchange.connection = this.stream.info;
    exchange.protocol = "HTTP/2";
    exchange.requestStarted = true;
    const { streamWindowBytes } = this.limits;
    const stream = new ClientStream(id, exchange, this, streamWindowBytes, this.peer.initialWindow);
    stream.isHead = request.method === "HEAD";
    this.streams.add(stream);
    if (this.#nextStream > LAST_STREAM) this.drain();
    const response = new Promise<HttpResponse>((resolve, reject) => {
      stream.resolve = resolve;
      stream.reject = reject;
    });
    exchange.onCancel((reason) => this.resetStream(stream, Http2ErrorCode.CANCEL, reason));
    if (empty) {
      body?.cancel();
      this.localEnd(stream);
    } else {
      this.sendContent(stream, body!, whole);
    }
    return response;
  }

  drain(): void {
    if (this.phase !== "open") return;
    this.phase = "draining";
    this.#change();
    this.#finishWhenIdle();
  }

  close(): void {
    if (this.phase === "closed") return;
    if (this.phase !== "closing") {
      this.writer.goAway(0, Http2ErrorCode.NO_ERROR);
      this.writer.flush();
    }
    this.stream.destroy(new Error("Closed on this side"));
  }

  onGoAway(lastStreamId: number, errorCode: number): void {
    if (errorCode !== Http2ErrorCode.NO_ERROR) {
      this.options.logger.log(
        "info",
        `HTTP/2 server '${formatAddress(this.info.remote)}' ends the connection`,
        { error: errorCodeName(errorCode) },
      );
    }
    if (this.phase === "open") this.phase = "draining";
    for (const stream of this.streams.values()) {
      // Section 6.8: what is above the last stream was not and will not be worked on.
      if (stream.id > lastStreamId) this.closeStream(stream, this.#refused("the server is going away"));
    }
    this.#change();
    this.#finishWhenIdle();
  }

  streamAbandoned(stream: Http2Stream): void {
    this.resetStream(stream, Http2ErrorCode.CANCEL, null);
  }

  contentProgress(stream: Http2Stream, bytes: number): void {
    stream.exchange.requestBodyBytes += bytes;
  }

  protected onContentBytes(stream: Http2Stream, bytes: number): void {
    stream.exchange.responseBodyBytes += bytes;
  }

  protected isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId >= this.#nextStream;
  }

  protected onNewHead(streamId: number): void {
    if (this.isIdle(streamId)) {
      throw new Http2ConnectionError(Http2ErrorCode.PROTOCOL_ERROR, `HEADERS on idle stream ${streamId}`);
    }
    // A response that was on its way when its request was cancelled.
    this.spendIdle("HEADERS of a closed stream");
  }

  protected onHead(base: Http2Stream, endStream: boolean): void {
    const stream = base as ClientStream;
    const { head } = this;
    const wrong = head.malformed ?? (head.tooLarge ? "header list above the limit" : null);
    if (wrong !== null) return this.violated(stream, Http2ErrorCode.PROTOCOL_ERROR, wrong);
    if (stream.headSeen) return this.#onTrailers(stream, endStream);
    const { status } = head;
    if (
      status === 0 || status === 101 || head.method !== null || head.path !== null || head.scheme !== null ||
      head.authority !== null || (status < 200 && endStream)
    ) {
      return this.violated(stream, Http2ErrorCode.PROTOCOL_ERROR, "malformed response head");
    }
    if (status < 200) return this.spendIdle("informational HEADERS");
    const hasContent = !stream.isHead && status !== 204 && status !== 304;
    if (hasContent) stream.declaredLength = head.contentLength;
    if (endStream && stream.declaredLength > 0) {
      return this.violated(stream, Http2ErrorCode.PROTOCOL_ERROR, "content-length without content");
    }
    stream.headSeen = true;
    stream.exchange.responseHeaderBytes = head.bytes;
    if (!endStream) stream.incoming = new QueueBody(stream.declaredLength < 0 ? null : stream.declaredLength, stream);
    stream.resolve({ status, headers: head.takeHeaders(), body: stream.incoming });
    if (endStream) this.remoteEnd(stream, null);
  }

  #onTrailers(stream: ClientStream, endStream: boolean): void {
    const { head } = this;
    if (!endStream || head.hasPseudo) {
      return this.violated(stream, Http2ErrorCode.PROTOCOL_ERROR, "malformed trailers");
    }
    if (stream.lengthDiffers(stream.receivedLength, true)) {
      return this.violated(stream, Http2ErrorCode.PROTOCOL_ERROR, "content-length differs from the content");
    }
    this.remoteEnd(stream, head.takeHeaders());
  }

  protected onPeerReset(stream: Http2Stream, errorCode: number): void {
    // Section 8.1: a complete response may be followed by a reset that stops the request; the exchange has succeeded.
    if (stream.remoteEnded && errorCode === Http2ErrorCode.NO_ERROR) return this.closeStream(stream, null);
    const name = errorCodeName(errorCode);
    this.closeStream(
      stream,
      errorCode === Http2ErrorCode.REFUSED_STREAM ? this.#refused("the server refused the stream") : new MeshError(
        "UPSTREAM_REMOTE_RESET",
        `Cannot get the response of ${this.#server()}: it reset the stream with '${name}'`,
        {
          cause: new Http2StreamReset(errorCode),
        },
      ),
    );
  }

  protected failStream(base: Http2Stream, error: unknown): void {
    const stream = base as ClientStream;
    if (stream.headSeen) stream.incoming?.fail(error);
    else stream.reject(error);
  }

  protected terminationError(cause: string): Error {
    return new MeshError("UPSTREAM_CONNECTION_TERMINATION", `Lost the connection to ${this.#server()}: ${cause}`);
  }

  protected protocolError(message: string): Error {
    return new MeshError("UPSTREAM_PROTOCOL_ERROR", `Cannot use the response of ${this.#server()}: ${message}`);
  }

  protected override onPeerSettings(): void {
    this.#change();
  }

  protected onStreamClosed(): void {
    this.#change();
    this.#finishWhenIdle();
  }

  protected deliver(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.onChange?.();
  }

  protected onDrainPing(): void {}

  protected onGone(): void {
    this.#change();
  }

  #change(): void {
    this.#changed = true;
    if (!this.inBatch) this.deliver();
  }

  #finishWhenIdle(): void {
    if (this.phase !== "draining" || this.streams.size > 0) return;
    this.writer.goAway(0, Http2ErrorCode.NO_ERROR);
    this.finish();
    this.#change();
  }

  #refused(why: string): MeshError {
    return new MeshError("UPSTREAM_REFUSED_STREAM", `Cannot send the request to ${this.#server()}: ${why}`);
  }

  #server(): string {
    return `'${formatAddress(this.info.remote)}'`;
  }
}

function pseudoHeaders(request: HttpRequest): string[] {
  const { method, authority } = request;
  if (method === "CONNECT") return [":method", method, ":authority", authority];
  const pseudo = [":method", method, ":scheme", request.scheme, ":path", request.path];
  if (authority !== "") pseudo.push(":authority", authority);
  return pseudo;
}

/** A method that is all about content says so where there is none (RFC 9110 section 8.6). */
function impliedLength(method: string): number | null {
  return method === "POST" || method === "PUT" || method === "PATCH" ? 0 : null;
}
