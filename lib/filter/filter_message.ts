import { MeshError } from "../errors.ts";
import { BytesBody, readAll } from "../http/body.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { bodyStream } from "../http/web/body_stream.ts";
import { ownBytes } from "../http/web/own_bytes.ts";
import { StreamBody } from "../http/web/stream_body.ts";
import { type FilterHeaders, HeadersView } from "./filter_headers.ts";

/** What requests and responses have in common for a filter. */
export interface FilterMessage {
  /** The header fields; changes go on with the message. */
  readonly headers: FilterHeaders;
  /**
   * The content, as of `Request` and `Response`: `null` for none. Nothing is read, or turned into a stream, until
   * somebody asks for it; what a filter reads from it does not go on (see {@linkcode FilterMessage.bytes}).
   */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /**
   * Has other content go on in place of the present one, or a stream made of it; `content-length` follows.
   *
   * @example Compress on the way
   * ```ts
   * import type { MeshFilter } from "@enmesh/enmesh";
   *
   * const gzip: MeshFilter = {
   *   name: "gzip",
   *   onResponse(response) {
   *     if (response.body === null || response.headers.has("content-encoding")) return;
   *     response.headers.set("content-encoding", "gzip");
   *     response.setBody(response.body.pipeThrough(new CompressionStream("gzip")));
   *   },
   * };
   * ```
   */
  setBody(content: ReadableStream<Uint8Array> | Uint8Array | string | null): void;
  /**
   * Reads the whole content, which goes on all the same.
   *
   * @param limit The most bytes to hold. @default {1048576, Envoy's `per_connection_buffer_limit_bytes`}
   * @throws {MeshError} `PAYLOAD_TOO_LARGE` when there is more: a request is then answered with 413, unless caught.
   */
  bytes(limit?: number): Promise<Uint8Array<ArrayBuffer>>;
}

const DEFAULT_LIMIT = 1024 * 1024;

/** Shows headers and content of a message to a filter. */
export class MessageView implements FilterMessage {
  readonly #message: HttpRequest | HttpResponse;
  #headers: HeadersView | null = null;
  /** The stream that was made of the present content. */
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;

  constructor(message: HttpRequest | HttpResponse) {
    this.#message = message;
  }

  get headers(): FilterHeaders {
    return this.#headers ??= new HeadersView(this.#message.headers);
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    const { body } = this.#message;
    // What follows an upgrade is another protocol.
    if (body === null || this.#upgraded) return null;
    return this.#stream ??= bodyStream(body);
  }

  setBody(content: ReadableStream<Uint8Array> | Uint8Array | string | null): void {
    const message = this.#message;
    if (this.#upgraded) throw new TypeError("Cannot set the body: the request asks for an upgrade");
    if (content === null || !(content instanceof ReadableStream)) {
      message.body?.cancel();
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      message.body = bytes === null ? null : new BytesBody(bytes);
      if (bytes === null) message.headers.delete("content-length");
      else message.headers.set("content-length", String(bytes.length));
    } else {
      // Content that nobody asked for cannot be part of the new one, and its sender is not to wait for a reader.
      if (this.#stream === null) message.body?.cancel();
      message.body = new StreamBody(content);
      message.headers.delete("content-length");
    }
    this.#stream = null;
  }

  async bytes(limit = DEFAULT_LIMIT): Promise<Uint8Array<ArrayBuffer>> {
    const message = this.#message;
    if (this.#upgraded) return new Uint8Array(0);
    const { body } = message;
    if (body === null) return new Uint8Array(0);
    if (this.#stream?.locked) throw new TypeError("Cannot read the body: its stream is being read already");
    const bytes = await readAll(body, limit);
    if (bytes === null) {
      message.body = null;
      throw new MeshError("PAYLOAD_TOO_LARGE", `Cannot read the body: it has more than '${limit}' bytes`);
    }
    message.body = new BytesBody(bytes, body.trailers);
    this.#stream = null;
    // The application may keep and change what it is given.
    return bytes.length === 0 ? new Uint8Array(0) : ownBytes(bytes.slice());
  }

  get #upgraded(): boolean {
    const message = this.#message;
    return "upgrade" in message && message.upgrade !== undefined || "status" in message && message.status === 101;
  }
}
