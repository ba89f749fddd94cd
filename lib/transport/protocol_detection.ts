import { peekClientHello } from "./client_hello.ts";

/** What the first bytes of an inbound connection are. */
export type Detection =
  | { readonly kind: "tls"; readonly sni: string | null; readonly alpn: readonly string[] }
  | { readonly kind: "http"; readonly protocol: "http/1.1" | "http/1.0" | "h2c" }
  | { readonly kind: "raw" }
  /** Nothing that decides has arrived within the limit: go on as with `raw` (`continue_on_listener_filters_timeout`). */
  | { readonly kind: "timeout" }
  /** The connection ended before anything was decided. */
  | { readonly kind: "closed" };

/** Envoy's http_inspector gives up behind 64 KiB without a line end; such a connection is not HTTP. */
export const MAX_DETECTION_BYTES = 64 * 1024;

const RAW: Detection = { kind: "raw" };
const H2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Methods Envoy's HTTP/1 parser knows; a first word that is none of them is not HTTP. */
const METHODS: readonly string[] = [
  ..."ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE M-SEARCH".split(
    " ",
  ),
  ..."NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE".split(" "),
  ..."UNBIND UNLINK UNLOCK UNSUBSCRIBE".split(" "),
];

/**
 * Decides on the first bytes of a connection, as early as they allow (Envoy's tls_inspector and http_inspector).
 *
 * @param bytes Everything received so far, from the start.
 * @returns `null` while more bytes are needed.
 */
export function detectProtocol(bytes: Uint8Array): Detection | null {
  if (bytes.length === 0) return null;
  if (bytes[0] === 22) {
    const peek = peekClientHello(bytes);
    if (peek.kind === "more") return null;
    return peek.kind === "hello" ? { kind: "tls", sni: peek.hello.sni, alpn: peek.hello.alpn } : RAW;
  }
  return detectHttp(bytes);
}

function detectHttp(bytes: Uint8Array): Detection | null {
  const preface = matchPrefix(bytes, H2_PREFACE);
  if (preface === "whole") return { kind: "http", protocol: "h2c" };
  if (preface === "part") return null;

  const method = METHODS.find((name) => matchPrefix(bytes, `${name} `) !== "none");
  if (method === undefined) return RAW;
  if (matchPrefix(bytes, `${method} `) === "part") return null;

  const end = bytes.indexOf(0x0a, method.length);
  if (end === -1) return bytes.length >= MAX_DETECTION_BYTES || hasControl(bytes, method.length) ? RAW : null;
  const line = new TextDecoder("latin1").decode(bytes.subarray(0, end));
  const version = / HTTP\/1\.([01])\r?$/.exec(line);
  if (version === null) return RAW;
  return { kind: "http", protocol: version[1] === "1" ? "http/1.1" : "http/1.0" };
}

/** Whether the bytes begin with the text, or could once more of them are there. */
function matchPrefix(bytes: Uint8Array, text: string): "whole" | "part" | "none" {
  const length = Math.min(bytes.length, text.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== text.charCodeAt(i)) return "none";
  return length === text.length ? "whole" : "part";
}

/** A request line holds no control characters; finding one decides without waiting for the line end. */
function hasControl(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i]! < 0x20 && bytes[i] !== 0x0d) return true;
  return false;
}
