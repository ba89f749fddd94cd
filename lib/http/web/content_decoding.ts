import type { HeaderList } from "../header_list.ts";

/** A content coding that `fetch` takes off, by its name in `DecompressionStream`. */
export type ContentCoding = "gzip" | "brotli";

/**
 * The coding to take off a response: exactly one of those that `accept-encoding: gzip,br` asks for. Deno's `fetch` was
 * seen to leave `deflate`, `zstd`, `x-gzip` and lists of codings alone, and to keep `content-encoding` and
 * `content-length` in the headers.
 */
export function contentCoding(headers: HeaderList): ContentCoding | null {
  const value = headers.get("content-encoding");
  if (value === undefined) return null;
  const name = value.toLowerCase();
  return name === "gzip" ? "gzip" : name === "br" ? "brotli" : null;
}

/** Content without its coding; what does not decode errors with a TypeError when it is read. */
export function decodedStream(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  coding: ContentCoding,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  // The format `brotli` is there at run time and missing in the type library.
  return stream.pipeThrough(new DecompressionStream(coding as CompressionFormat));
}
