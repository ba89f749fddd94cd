import { GrpcStatusError } from "./grpc_status_error.ts";
import { GrpcStatus } from "./status.ts";

/**
 * Unpacks a message of `grpc-encoding: gzip`.
 *
 * @param bytes The packed message.
 * @param maxBytes The most bytes it may unpack to; unpacking stops there, so that a small message cannot fill memory.
 * @throws {GrpcStatusError} RESOURCE_EXHAUSTED above the limit, INTERNAL when it is not gzip.
 */
export async function gunzip(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const unpacked = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("gzip"));
  const reader = unpacked.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.length;
      if (length > maxBytes) {
        const details = `Received message is larger than allowed when unpacked: limit ${maxBytes} bytes`;
        throw new GrpcStatusError(GrpcStatus.RESOURCE_EXHAUSTED, details);
      }
      chunks.push(next.value);
    }
  } catch (error) {
    await reader.cancel().catch(() => {});
    if (error instanceof GrpcStatusError) throw error;
    throw new GrpcStatusError(GrpcStatus.INTERNAL, "Received message is not gzip although it says so");
  }
  const message = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    message.set(chunk, at);
    at += chunk.length;
  }
  return message;
}
