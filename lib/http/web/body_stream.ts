import type { Body } from "../body.ts";

/** Content as a web byte stream: read from the body when somebody reads from the stream, and only then. */
export function bodyStream(body: Body): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const chunk = await body.read();
      if (chunk !== null) {
        controller.enqueue(own(chunk));
        return;
      }
      controller.close();
      // A pending read into the reader's own buffer ends with zero bytes.
      controller.byobRequest?.respond(0);
    },
    cancel(reason) {
      body.cancel(reason);
    },
  });
}

/**
 * A byte stream takes the buffer of what is enqueued away from everybody else. A chunk that is a piece of a larger
 * buffer (of the socket's, with the next message behind it) is copied.
 */
function own(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = chunk;
  const whole = chunk.byteOffset === 0 && chunk.byteLength === buffer.byteLength && buffer instanceof ArrayBuffer;
  return whole ? chunk as Uint8Array<ArrayBuffer> : new Uint8Array(chunk);
}
