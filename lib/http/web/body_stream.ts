import type { Body } from "../body.ts";
import { ownBytes } from "./own_bytes.ts";

/** Content as a web byte stream: read from the body when somebody reads from the stream, and only then. */
export function bodyStream(body: Body): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const chunk = await body.read();
      if (chunk !== null) {
        controller.enqueue(ownBytes(chunk));
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
