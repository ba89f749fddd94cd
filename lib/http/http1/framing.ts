import type { MessageHead } from "./message_head.ts";
import { Http1ParseError } from "./parse_error.ts";

/** How the content of a message is delimited: its length in bytes, or one of the constants below. */
export type Framing = number;

/** Chunked transfer coding. */
export const CHUNKED: Framing = -1;

/** Until the connection ends; responses only. */
export const UNTIL_CLOSE: Framing = -2;

/**
 * How a received request is framed (RFC 9112 section 6.3).
 *
 * @throws {Http1ParseError} 400 where two recipients could disagree.
 */
export function requestFraming(head: MessageHead, version: "HTTP/1.0" | "HTTP/1.1"): Framing {
  if (head.chunked) {
    refuseAmbiguity(head, version);
    return CHUNKED;
  }
  return head.contentLength === -1 ? 0 : head.contentLength;
}

/**
 * How a received response is framed (RFC 9112 section 6.3).
 *
 * @param head Its fields.
 * @param status Its status.
 * @param version Its version.
 * @param method Method of the request it answers.
 * @throws {Http1ParseError} Where two recipients could disagree.
 */
export function responseFraming(
  head: MessageHead,
  status: number,
  version: "HTTP/1.0" | "HTTP/1.1",
  method: string,
): Framing {
  if (head.chunked) refuseAmbiguity(head, version);
  if (method === "HEAD" || status === 204 || status === 304 || status < 200) return 0;
  if (head.chunked) return CHUNKED;
  return head.contentLength === -1 ? UNTIL_CLOSE : head.contentLength;
}

function refuseAmbiguity(head: MessageHead, version: "HTTP/1.0" | "HTTP/1.1"): void {
  if (head.contentLength !== -1) {
    throw new Http1ParseError(400, "Cannot frame the message: it has both 'content-length' and 'transfer-encoding'");
  }
  if (version === "HTTP/1.0") {
    throw new Http1ParseError(400, "Cannot frame the message: HTTP/1.0 knows no 'transfer-encoding'");
  }
}
