import { isAuthority } from "./authority.ts";
import { Http1ParseError } from "./parse_error.ts";

/** A request line that was understood. */
export interface RequestLine {
  readonly method: string;
  /** Origin form, or `*` for `OPTIONS`. */
  readonly path: string;
  /** Host and port of an absolute-form target, which wins over `host` (RFC 9112 section 3.2.2); else `null`. */
  readonly authority: string | null;
  /** Scheme of an absolute-form target; else `null`. */
  readonly scheme: "http" | "https" | null;
  readonly version: "HTTP/1.0" | "HTTP/1.1";
}

const LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}) ([\x21-\x7e]+) HTTP\/([0-9])\.([0-9])$/;
/** A line with a path, a URL or a version is an attempt at HTTP, however broken. */
const HTTP_LIKE = /\/|\*/;
const ABSOLUTE = /^(https?):\/\/([^/?#]*)([/?].*)?$/i;

/**
 * Reads a request line (RFC 9112 section 3): exactly one space between the parts.
 *
 * @param line The line without its CRLF.
 * @returns Its parts.
 * @throws {Http1ParseError} 400 for anything malformed, 501 for CONNECT, 505 for another version.
 */
export function parseRequestLine(line: string): RequestLine {
  const parts = LINE.exec(line);
  if (parts === null) {
    const foreign = !HTTP_LIKE.test(line);
    throw new Http1ParseError(400, "Cannot read the request line: it is not 'method target version'", foreign);
  }
  const method = parts[1]!;
  const target = parts[2]!;
  const version = requestVersion(parts[3]!, parts[4]!);
  if (method === "CONNECT") throw new Http1ParseError(501, "Cannot open a tunnel: CONNECT is not implemented");
  // A fragment never goes over the wire; behind a `#` two recipients may see two different paths.
  if (target.includes("#")) throw new Http1ParseError(400, "Cannot read the request target: it has a fragment");
  if (target.charCodeAt(0) === 0x2f) return { method, path: target, authority: null, scheme: null, version };
  if (target === "*" && method === "OPTIONS") return { method, path: "*", authority: null, scheme: null, version };
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null || !isAuthority(absolute[2]!)) {
    throw new Http1ParseError(400, "Cannot read the request target: it is neither a path nor an http URL");
  }
  const rest = absolute[3] ?? "";
  let path = rest.startsWith("?") ? `/${rest}` : rest;
  // RFC 9112 section 3.2.4: an absolute form without path is how a client asks a proxy for `OPTIONS *`.
  if (path === "") path = method === "OPTIONS" ? "*" : "/";
  const scheme = absolute[1]!.toLowerCase() === "https" ? "https" : "http";
  return { method, path, authority: absolute[2]!, scheme, version };
}

function requestVersion(major: string, minor: string): "HTTP/1.0" | "HTTP/1.1" {
  if (major === "1" && minor === "1") return "HTTP/1.1";
  if (major === "1" && minor === "0") return "HTTP/1.0";
  throw new Http1ParseError(505, `Cannot speak version '${major}.${minor}': only 1.0 and 1.1 are known`);
}
