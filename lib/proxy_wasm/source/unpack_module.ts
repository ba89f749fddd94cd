import { FetchFailure } from "./fetch_failure.ts";
import { readTar } from "./tar.ts";

/** Whether the bytes begin as a Wasm module (or component) does. */
export function isWasm(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
}

/**
 * The file `plugin.wasm` of a layer, in whatever folder.
 *
 * @param archive A tar archive, compressed with gzip.
 * @param maxBytes Most bytes of the archive when it is unpacked.
 * @throws {FetchFailure} When there is none.
 */
export async function moduleInLayer(archive: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  for (const { name, content } of readTar(await gunzip(archive, maxBytes))) {
    if (name.split("/").at(-1) === "plugin.wasm") return content;
  }
  throw new FetchFailure("the layer of the image holds no file 'plugin.wasm'", false);
}

/** A download as Istio's agent takes it: the module itself, compressed, in an archive (its first file), or both. */
export async function moduleInDownload(content: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  let bytes = content;
  for (let wraps = 0; wraps < 4 && !isWasm(bytes); wraps++) {
    if (isGzip(bytes)) bytes = await gunzip(bytes, maxBytes);
    else if (isTar(bytes)) bytes = first(bytes);
    else break;
  }
  return bytes;
}

function first(archive: Uint8Array): Uint8Array {
  for (const { content } of readTar(archive)) return content;
  throw new FetchFailure("the archive holds no file", false);
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function isTar(bytes: Uint8Array): boolean {
  return bytes.length > 262 && new TextDecoder().decode(bytes.subarray(257, 262)) === "ustar";
}

/** Unpacks as it goes, so that a small archive cannot take more memory than allowed. */
async function gunzip(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const packed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
    for await (const chunk of packed.pipeThrough(new DecompressionStream("gzip"))) {
      size += chunk.length;
      if (size > maxBytes) {
        throw new FetchFailure(`the content is larger than '${maxBytes}' bytes when unpacked`, false);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof FetchFailure) throw error;
    throw new FetchFailure("the content cannot be unpacked: it is not valid gzip", false);
  }
  const unpacked = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    unpacked.set(chunk, at);
    at += chunk.length;
  }
  return unpacked;
}
