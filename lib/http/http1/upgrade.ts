import type { MessageHead } from "./message_head.ts";
import { Http1ParseError } from "./parse_error.ts";
import type { RequestLine } from "./request_line.ts";

const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9a-z]+(?:\/[!#$%&'*+\-.^_`|~0-9a-z]+)?$/;

/**
 * The protocol a request asks to go on with (RFC 9110 section 7.8), lower case; `null` where it is an ordinary request.
 *
 * A server may ignore the wish and must do so in HTTP/1.0. Ignored are also `h2c`, as in Envoy, lists, and requests other
 * than GET: those are ordinary requests in every reader's eyes, for nobody answers them with 101.
 *
 * @throws {Http1ParseError} 400 for an upgrade with content: where the content ends and the other protocol begins is what
 * two recipients could disagree about.
 */
export function requestedUpgrade(line: RequestLine, head: MessageHead): string | null {
  if (head.upgrade === null || !head.upgradeOption || line.version === "HTTP/1.0" || line.method !== "GET") return null;
  const protocol = head.upgrade.toLowerCase();
  if (protocol === "h2c" || !PROTOCOL.test(protocol)) return null;
  if (head.chunked || head.contentLength > 0) {
    throw new Http1ParseError(400, "Cannot upgrade the connection: the request has content");
  }
  return protocol;
}

/**
 * Checks a response of 101 against what was asked for.
 *
 * @throws {Http1ParseError} When the server did not agree to exactly that.
 */
export function checkSwitch(head: MessageHead, version: "HTTP/1.0" | "HTTP/1.1", protocol: string): void {
  if (version !== "HTTP/1.1" || !head.upgradeOption || head.upgrade?.toLowerCase() !== protocol) {
    throw new Http1ParseError(400, `Cannot accept the response: it does not switch to '${protocol}'`);
  }
  // RFC 9110 section 8.6 and RFC 9112 section 6.1: neither belongs into a 1xx.
  if (head.chunked || head.contentLength !== -1) {
    throw new Http1ParseError(400, "Cannot accept the response: one that switches protocols has no content");
  }
}
