import type { HttpRequest } from "../message.ts";
import { chosenWeb } from "./chosen_web.ts";
import type { RequestFacts } from "./web_objects.ts";

/**
 * The request object a handler gets: a real `Request`, its parts built when they are looked at.
 *
 * As with `Deno.serve`, `host` is among the headers, the headers are immutable, and GET and HEAD have no body.
 *
 * @param request The message; its body is used by the web object from now on.
 * @param facts URL and signal.
 */
export function toWebRequest(request: HttpRequest, facts: RequestFacts): Request {
  return chosenWeb.toRequest(request, facts);
}
