import type { HttpRequest } from "../http/message.ts";
import type { RedirectAction, RouteMatch } from "../resource/route.ts";
import { compilePathRewrite, type PathRewrite } from "./path_rewrite.ts";
import { pathEnd, pathOf } from "./request_path.ts";

/**
 * Compiles a redirect: the function gives the `location` of a request (`RedirectAction` of Envoy).
 *
 * @throws {SyntaxError} When the pattern of a regular expression rewrite is not valid.
 */
export function compileRedirect(action: RedirectAction, match: RouteMatch): (request: HttpRequest) => string {
  const rewrite = compilePathRewrite(match, action);
  return (request) => {
    const scheme = action.scheme ?? request.scheme;
    return `${scheme}://${location(action, request, scheme)}${target(action, request.path, rewrite)}`;
  };
}

function location(action: RedirectAction, request: HttpRequest, scheme: string): string {
  const colon = portColon(request.authority);
  const host = action.host ?? (colon < 0 ? request.authority : request.authority.slice(0, colon));
  if (action.port !== null && action.port !== 0) return `${host}:${action.port}`;
  if (action.host !== null || colon < 0) return host;
  const port = request.authority.slice(colon + 1);
  // A default port of the former scheme would be wrong, and is superfluous, in the new one.
  const implied = scheme !== request.scheme && ((request.scheme === "http" && port === "80") ||
    (request.scheme === "https" && port === "443"));
  return implied ? host : request.authority;
}

function target(action: RedirectAction, former: string, rewrite: PathRewrite | null): string {
  if (action.path !== null && action.path !== "") {
    // A path with a query of its own replaces both; else the query is kept unless it is stripped.
    const query = action.stripQuery || action.path.includes("?") ? "" : former.slice(pathEnd(former));
    return action.path + query;
  }
  const rewritten = rewrite?.(former) ?? former;
  return action.stripQuery ? pathOf(rewritten) : rewritten;
}

/** Where the port of an authority begins; -1 for none. */
function portColon(authority: string): number {
  const colon = authority.lastIndexOf(":");
  return colon >= 0 && authority.indexOf("]", colon) < 0 ? colon : -1;
}
