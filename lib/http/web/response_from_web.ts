import { MeshError } from "../../errors.ts";
import type { HttpResponse } from "../message.ts";
import { chosenWeb } from "./chosen_web.ts";
import type { WebObjects } from "./web_objects.ts";

/**
 * The message that a handler's response stands for. Streams stay streams; bytes and text at hand stay at hand; what
 * `fetch` has decoded loses the headers that described the encoded form.
 *
 * @param response The response; used up.
 * @param web How to read it; the conformance suite passes each way.
 * @throws {TypeError} When it is no `Response`, `Response.error()`, or was read before.
 * @throws {MeshError} `UPGRADE_UNSUPPORTED` for the response of `Deno.upgradeWebSocket`.
 */
export function fromWebResponse(response: Response, web: WebObjects = chosenWeb): HttpResponse {
  const message = web.fromResponse(response);
  if (message.status !== 101) return message;
  message.body?.cancel();
  throw new MeshError(
    "UPGRADE_UNSUPPORTED",
    "Cannot send the response: its status is '101'; Deno.upgradeWebSocket works with Deno.serve only, " +
      "use mesh.upgradeWebSocket and return its response as it is",
  );
}
