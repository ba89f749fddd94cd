import { BytesBody } from "../body.ts";
import type { HttpResponse } from "../message.ts";
import { chosenWeb } from "./chosen_web.ts";
import type { ResponseFacts, WebObjects } from "./web_objects.ts";

const EMPTY = new Uint8Array(0);

/**
 * The response object a caller of `fetch` gets: a real `Response` of type `basic`, its parts built when they are looked
 * at. `gzip` and `br` content is decoded as Deno's `fetch` does it.
 *
 * A status beyond 599, which the class cannot hold, becomes a 502 that says so.
 *
 * @param response The message; its body is used by the web object from now on.
 * @param facts What the message does not know.
 * @param web How to make it; the conformance suite passes each way.
 */
export function toWebResponse(response: HttpResponse, facts: ResponseFacts, web: WebObjects = chosenWeb): Response {
  const { status, body } = response;
  if (status < 200 || status > 599) {
    body?.cancel();
    return new Response(`The upstream answered with status ${status}, which a Response cannot hold\n`, { status: 502 });
  }
  if (facts.method === "HEAD" || status === 204 || status === 205 || status === 304) {
    body?.cancel();
    return web.toResponse(response, null, facts);
  }
  return web.toResponse(response, body ?? new BytesBody(EMPTY), facts);
}
