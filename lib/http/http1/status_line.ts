import { Http1ParseError } from "./parse_error.ts";

/** A status line that was understood; the reason phrase carries nothing (RFC 9112 section 4) and is dropped. */
export interface StatusLine {
  /** 100 to 999. */
  readonly status: number;
  readonly version: "HTTP/1.0" | "HTTP/1.1";
}

// The space behind the status is required even before an empty reason, but much left out in the wild.
// deno-lint-ignore no-control-regex -- refusing controls is the point
const LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [^\0-\x08\x0a-\x1f\x7f]*)?$/;

/**
 * Reads a status line.
 *
 * @param line The line without its CRLF.
 * @returns Its parts.
 * @throws {Http1ParseError} For anything malformed.
 */
export function parseStatusLine(line: string): StatusLine {
  const parts = LINE.exec(line);
  if (parts === null) throw new Http1ParseError(400, "Cannot read the status line: it is not 'HTTP/1.1 status reason'");
  return { status: Number(parts[2]), version: parts[1] === "1" ? "HTTP/1.1" : "HTTP/1.0" };
}
