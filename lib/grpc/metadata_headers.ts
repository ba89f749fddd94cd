import { Buffer } from "node:buffer";
import type { Metadata } from "@grpc/grpc-js";
import type { HeaderList } from "../http/header_list.ts";

/** Fields that are the protocol's and no metadata. */
const RESERVED = new Set([
  "content-type",
  "te",
  "accept-encoding",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "grpc-status",
  "grpc-message",
]);

/**
 * Fills metadata from header fields: those of the protocol left out, values of keys in `-bin` unpacked. A value that
 * metadata cannot hold (outside of printable ASCII) is left out, as grpc-js does.
 */
export function metadataFromHeaders(metadata: Metadata, headers: HeaderList): Metadata {
  const { pairs } = headers;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!;
    if (RESERVED.has(name)) continue;
    const value = pairs[i + 1]!;
    try {
      if (!name.endsWith("-bin")) metadata.add(name, value);
      // Several values may come in one field, joined by commas (`doc/PROTOCOL-HTTP2.md`).
      else for (const part of value.split(",")) metadata.add(name, Buffer.from(part.trim(), "base64"));
    } catch {
      continue;
    }
  }
  return metadata;
}

/**
 * Header fields of metadata of any copy of grpc-js; what is none counts as empty.
 *
 * @returns A flat list of names and values.
 */
export function headersOfMetadata(metadata: unknown): string[] {
  const pairs: string[] = [];
  if (!hasHeaders(metadata)) return pairs;
  for (const [name, values] of Object.entries(metadata.toHttp2Headers())) {
    if (RESERVED.has(name) || values === undefined) continue;
    if (Array.isArray(values)) { for (const value of values) pairs.push(name, value); }
    else pairs.push(name, String(values));
  }
  return pairs;
}

function hasHeaders(
  metadata: unknown,
): metadata is { toHttp2Headers(): Record<string, number | string | string[] | undefined> } {
  return typeof metadata === "object" && metadata !== null && "toHttp2Headers" in metadata &&
    typeof metadata.toHttp2Headers === "function";
}
