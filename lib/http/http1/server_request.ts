import type { ConnectionInfo } from "../../transport/byte_stream.ts";
import { BytesBody, QueueBody, type QueueBodyOwner } from "../body.ts";
import { Exchange } from "../exchange.ts";
import { HeaderList } from "../header_list.ts";
import type { HttpRequest } from "../message.ts";
import { isAuthority } from "./authority.ts";
import { ContinueBody } from "./continue_body.ts";
import type { Framing } from "./framing.ts";
import type { MessageHead } from "./message_head.ts";
import { Http1ParseError } from "./parse_error.ts";
import type { RequestLine } from "./request_line.ts";

/** A request a server connection is busy with: the message, its exchange, and how far both directions have come. */
export class ServerRequest {
  readonly request: HttpRequest;
  readonly exchange: Exchange = new Exchange();
  readonly version: "HTTP/1.0" | "HTTP/1.1";
  /** The client's wish: `close` of HTTP/1.1, no `keep-alive` of HTTP/1.0. */
  readonly last: boolean;
  /** What the client asks to go on with; `null` for an ordinary request. */
  readonly upgrade: string | null;
  /** The answer was 101: the connection is raw both ways. */
  switched = false;
  /** The whole request has arrived. */
  received = false;
  /** The response head has been written. */
  answering = false;
  /** The whole response has been written. */
  answered = false;
  #queue: QueueBody | null = null;
  #continueBody: ContinueBody | null = null;
  readonly #expectsContinue: boolean;

  /**
   * @param line Its request line.
   * @param head Its fields.
   * @param authority Its authority.
   * @param framing How its content is framed.
   * @param connection Where it came in.
   * @param upgrade What the client asks to go on with; `null` for an ordinary request.
   */
  constructor(
    line: RequestLine,
    head: MessageHead,
    authority: string,
    framing: Framing,
    connection: ConnectionInfo,
    upgrade: string | null = null,
  ) {
    const old = line.version === "HTTP/1.0";
    this.version = line.version;
    this.last = head.close || (old && !head.keepAlive);
    this.upgrade = upgrade;
    this.#expectsContinue = head.expectContinue && !old && framing !== 0 && upgrade === null;
    this.request = {
      method: line.method,
      scheme: line.scheme ?? "http",
      authority,
      path: line.path,
      headers: new HeaderList(head.pairs),
      body: null,
      protocol: line.version,
    };
    if (upgrade !== null) this.request.upgrade = upgrade;
    this.exchange.connection = connection;
    this.exchange.requestStarted = true;
    this.exchange.requestHeaderBytes = head.bytes;
  }

  /** Bytes that have arrived and wait for their reader. */
  get buffered(): number {
    return this.#queue === null ? 0 : this.#queue.buffered;
  }

  /**
   * Whether the client waits for a `100 Continue` that nobody asked for: it may or may not send its content, and nobody
   * can tell what comes next on the connection.
   */
  get unsure(): boolean {
    return this.#continueBody !== null && !this.#continueBody.begun && !this.received;
  }

  /** The whole content is here, or there is none. */
  setWhole(content: Uint8Array | null): void {
    if (content !== null) {
      this.request.body = new BytesBody(content);
      this.exchange.requestBodyBytes = content.length;
    }
    this.received = true;
  }

  /**
   * Content will arrive.
   *
   * @param length Its length, `null` if unknown.
   * @param owner Told of what is read and of cancellation.
   * @param askForMore Sends `100 Continue`.
   */
  startContent(length: number | null, owner: QueueBodyOwner, askForMore: () => void): void {
    this.#queue = new QueueBody(length, owner);
    if (this.#expectsContinue) this.#continueBody = new ContinueBody(this.#queue, askForMore);
    this.request.body = this.#continueBody ?? this.#queue;
  }

  /** Content has arrived. */
  push(bytes: Uint8Array): void {
    this.#queue!.push(bytes);
  }

  /** The content is complete. */
  end(trailers: HeaderList | null): void {
    this.#queue!.end(trailers);
    this.received = true;
  }

  /** Nobody will read the rest of the content. */
  discard(): void {
    this.#queue?.cancel();
  }

  /** Fails the reader of content that will not come. */
  fail(error: unknown): void {
    this.#queue?.fail(error);
  }
}

/**
 * The authority of a request: that of an absolute target, else `host`, which must be there once in HTTP/1.1 and valid
 * (RFC 9112 section 3.2).
 *
 * @param knownHost A value of `host` found valid before.
 * @throws {Http1ParseError} 400 when it is missing or malformed.
 */
export function requestAuthority(line: RequestLine, head: MessageHead, knownHost: string | null): string {
  const { host } = head;
  if (host === null) {
    if (line.version === "HTTP/1.1") throw new Http1ParseError(400, "Cannot read the head: 'host' is missing");
    return line.authority ?? "";
  }
  if (host !== knownHost && !isAuthority(host)) {
    throw new Http1ParseError(400, "Cannot read the head: 'host' is not a host with a port");
  }
  return line.authority ?? host;
}
