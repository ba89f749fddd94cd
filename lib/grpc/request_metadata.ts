import type * as Grpc from "@grpc/grpc-js";

/** Fields that HTTP, gRPC or the mesh set by themselves: what an application says about them is not sent. */
const RESERVED = new Set([
  // gRPC's own (`doc/PROTOCOL-HTTP2.md`, Call-Definition).
  "content-type",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-message",
  "grpc-message-type",
  "grpc-status",
  "grpc-timeout",
  "te",
  "user-agent",
  // Of the connection, not of the call (RFC 9113 section 8.2.2).
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-connection",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Adds the entries of a metadata object as header fields: `-bin` values in base64, repeated keys as repeated fields,
 * reserved keys left out. The object may be of any copy of `@grpc/grpc-js`: only its public methods are used.
 */
export function appendMetadata(pairs: string[], metadata: Pick<Grpc.Metadata, "toHttp2Headers">): void {
  const headers = metadata.toHttp2Headers();
  for (const name in headers) {
    if (RESERVED.has(name)) continue;
    const value = headers[name];
    if (Array.isArray(value)) {
      for (const one of value) pairs.push(name, one.trim());
    } else if (value !== undefined) {
      // HTTP/2 forbids blanks at the ends (RFC 9113 section 8.2.1), gRPC allows to strip them.
      pairs.push(name, String(value).trim());
    }
  }
}
