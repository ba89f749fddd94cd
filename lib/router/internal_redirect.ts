import type { Call } from "../http/call.ts";
import type { HeaderList } from "../http/header_list.ts";
import type { HttpRequest } from "../http/message.ts";
import type { InternalRedirectPolicy } from "../resource/route.ts";

/** Thrown through the filters by the router when a request is to be sent anew, to where a redirect of the upstream leads. */
export class InternalRedirect extends Error {
  override readonly name = "InternalRedirect";
}

/** An absolute URL, for Envoy follows no other: scheme, authority, path with query, without fragment. */
const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#\s]+)([/?][^#\s]*)?(?:#.*)?$/i;

/**
 * Turns a request into the one a redirect of the upstream asks for, and has the route chosen anew. `false` leaves
 * everything as it was: the caller then gets the redirect.
 *
 * @param policy Says which redirects are followed.
 * @param request The request as it was sent.
 * @param call Counts redirects, chooses routes.
 * @param status Status of the redirect.
 * @param headers Headers of the redirect.
 * @see Envoy `Router::Filter::convertRequestHeadersForInternalRedirect`.
 */
export function followRedirect(
  policy: InternalRedirectPolicy,
  request: HttpRequest,
  call: Call,
  status: number,
  headers: HeaderList,
): boolean {
  const url = ABSOLUTE.exec(headers.get("location") ?? "");
  if (url === null || call.internalRedirects >= policy.maxRedirects) return false;
  const scheme = url[1]!.toLowerCase();
  const fromHttps = request.scheme === "https";
  const toHttps = scheme !== "http";
  if (fromHttps !== toHttps && !policy.allowCrossScheme) return false;

  const { chosen, cluster } = call;
  const former = { ...request, headers: request.headers.clone() };
  for (const name of policy.responseHeadersToCopy) {
    request.headers.delete(name);
    for (const value of headers.getAll(name)) request.headers.append(name, value);
  }
  request.scheme = scheme;
  request.authority = url[2]!;
  const target = url[3] ?? "/";
  request.path = target.startsWith("?") ? `/${target}` : target;
  call.clearRouteCache();
  // Chosen anew by then; the compiler cannot know.
  const next = call.chosen as typeof chosen;
  if (next === null || !isAllowed(policy, call, chosen?.route.name ?? "", next.route.name, fromHttps, toHttps)) {
    Object.assign(request, former);
    call.chosen = chosen;
    call.cluster = cluster;
    return false;
  }
  if (status === 303 && request.method !== "GET" && request.method !== "HEAD") {
    request.method = "GET";
    request.headers.delete("content-length");
    request.body = null;
  }
  call.internalRedirects++;
  request.headers.set("x-envoy-original-url", `${former.scheme}://${former.authority}${former.path}`);
  return true;
}

function isAllowed(
  policy: InternalRedirectPolicy,
  call: Call,
  from: string,
  to: string,
  fromHttps: boolean,
  toHttps: boolean,
): boolean {
  return policy.predicates.every((predicate) => {
    switch (predicate.kind) {
      case "previous_routes": {
        const targets = call.internalRedirectTargets ??= new Map<string, Set<string>>();
        const ofRoute = targets.get(from) ?? new Set();
        targets.set(from, ofRoute);
        return ofRoute.size !== ofRoute.add(to).size;
      }
      case "allow_listed_routes":
        return predicate.routes.includes(to);
      case "safe_cross_scheme":
        return fromHttps || !toHttps;
    }
  });
}
