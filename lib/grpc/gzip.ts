import { gzip as gzipLater, gzipSync } from "node:zlib";

/** Up to this size, bytes, packing takes about a millisecond: less than what waiting for another thread costs. */
const AT_ONCE_BYTES = 32_768;

/** Packs a message for `grpc-encoding: gzip`: small ones at once, large ones beside the event loop. */
export function gzip(message: Uint8Array): Uint8Array | Promise<Uint8Array> {
  if (message.length <= AT_ONCE_BYTES) return gzipSync(message);
  return new Promise((resolve, reject) => {
    gzipLater(message, (error, packed) => error === null ? resolve(packed) : reject(error));
  });
}
