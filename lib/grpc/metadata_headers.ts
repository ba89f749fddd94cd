/**
 * Metadata of grpc-js as header fields, and back (`doc/PROTOCOL-HTTP2.md`, Custom-Metadata). The objects may be of any
 * copy of that library: only their public methods are used.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Metadata } from "@grpc/grpc-js";
import type { HeaderList } from "../http/header_list.ts";

/** Fields that HTTP, gRPC or the mesh set by themselves: what an application says about them is not sent. */
const RESERVED = new Set([
  // gRPC's own (Call-Definition).
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

/** Fields of a request that a handler does not see as metadata. */
const NOT_OF_REQUESTS = new Set([
  "accept-encoding",
  "content-type",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-message",
  "grpc-status",
  "grpc-timeout",
  "te",
]);

/**
 * Adds the entries of a metadata object as header fields: `-bin` values in base64, repeated keys as repeated fields,
 * reserved keys left out. What is no metadata counts as empty.
 */
export function appendMetadata(pairs: string[], metadata: unknown): void {
  if (!hasHeaders(metadata)) return;
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

/** The header fields of a metadata object, flat; see {@linkcode appendMetadata}. */
export function headersOfMetadata(metadata: unknown): string[] {
  const pairs: string[] = [];
  appendMetadata(pairs, metadata);
  return pairs;
}

/**
 * Reads header fields as metadata: values of keys in `-bin` unpacked, several in one field taken apart. What metadata
 * cannot hold is left out, as by grpc-js.
 *
 * @param pairs The fields, flat.
 * @param add Takes each entry.
 */
export function readMetadata(pairs: readonly string[], add: (name: string, value: string | Buffer) => void): void {
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!;
    const value = pairs[i + 1]!;
    if (!/^[0-9a-z_.-]+$/.test(name)) continue;
    if (name.endsWith("-bin")) {
      for (const part of value.split(",")) add(name, Buffer.from(part.trim(), "base64"));
    } else if (/^[ -~]*$/.test(value)) {
      add(name, value);
    }
  }
}

/** Fills the metadata of a request, without what is the protocol's own. */
export function metadataFromHeaders(metadata: Metadata, { pairs }: HeaderList): Metadata {
  readMetadata(pairs, (name, value) => {
    if (!NOT_OF_REQUESTS.has(name)) metadata.add(name, value);
  });
  return metadata;
}

function hasHeaders(
  metadata: unknown,
): metadata is { toHttp2Headers(): Record<string, number | string | string[] | undefined> } {
  return typeof metadata === "object" && metadata !== null && "toHttp2Headers" in metadata &&
    typeof metadata.toHttp2Headers === "function";
}
