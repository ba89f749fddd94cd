import type {
  EnvoyConfigRouteV3DirectResponseAction as DirectResponseAction,
  EnvoyConfigRouteV3RedirectAction as RedirectAction,
} from "../../protobuf/gen/messages.ts";
import type { HttpRoute } from "../kinds/http_route.ts";
import type { Redirect } from "../kinds/redirect.ts";

/** Envoy's names of the redirect codes; 301 is its default. */
const CODES = { 302: "FOUND", 303: "SEE_OTHER", 307: "TEMPORARY_REDIRECT", 308: "PERMANENT_REDIRECT" } as const;

/** A redirect of requests that came to a port in plaintext. */
export function redirectAction(redirect: Redirect, listenerPort: number): RedirectAction {
  const { uri, prefixRewrite, authority, scheme, port, code } = redirect;
  // Envoy cannot copy the port of the request, but a route is always made for one port.
  const explicit = port === "FROM_REQUEST_PORT" ? listenerPort : typeof port === "number" ? port : 0;
  const implied = explicit === (scheme === "https" ? 443 : 80);
  return {
    ...(authority === undefined ? {} : { hostRedirect: authority }),
    ...(prefixRewrite === undefined ? { pathRedirect: uri ?? "" } : { prefixRewrite }),
    ...(scheme === undefined ? {} : { schemeRedirect: scheme }),
    ...(explicit === 0 || implied ? {} : { portRedirect: explicit }),
    ...(code === 301 ? {} : { responseCode: CODES[code] }),
  };
}

/** An answer without any destination. */
export function directResponseAction(
  { status, body }: NonNullable<HttpRoute["directResponse"]>,
): DirectResponseAction {
  if (body === undefined) return { status };
  return { status, body: typeof body === "string" ? { inlineString: body } : { inlineBytes: body } };
}
