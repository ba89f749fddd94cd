import type { Call } from "../http/call.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { compileRegex } from "../matcher/regex.ts";
import type {
  ForwardAction,
  RedirectAction,
  RetryPolicy,
  Route,
  RouteConfiguration,
  VirtualHost,
  WeightedCluster,
} from "../resource/route.ts";
import { compileCookies, compileHashPolicies, type CookieWriter, type RequestHash } from "./hash_policy.ts";
import { compileHeaderMutations, type HeaderMutator, orderLevels } from "./header_mutator.ts";
import { compilePathRewrite, type PathRewrite } from "./path_rewrite.ts";
import { compileRedirect } from "./redirect.ts";
import { pathEnd } from "./request_path.ts";
import { RetryRules } from "./retry_policy.ts";

/** Where a route (or one of its weighted clusters) stands in its configuration. */
export interface RoutePlace {
  readonly configuration: RouteConfiguration;
  readonly virtualHost: VirtualHost;
  readonly route: Route;
  /** `null` unless the route splits traffic. */
  readonly weightedCluster: WeightedCluster | null;
}

/** What carrying out a route takes, compiled once for each route and weighted cluster. */
export class RoutePlan {
  readonly place: RoutePlace;
  /** Header changes towards the client; `null` for none. */
  readonly responseHeaders: HeaderMutator | null;
  /** Retry rules: the route's policy, else the virtual host's, which headers of a request may add to; `null` for none. */
  readonly retry: RetryRules | null;
  readonly hash: RequestHash | null;
  /** Tells the caller of cookies made for hashing; `null` where none are. */
  readonly cookies: CookieWriter | null;
  /** The `location` of a redirect or a direct response that has one; `null` for other routes. */
  readonly redirect: ((request: HttpRequest) => string) | null;
  /** Whether the authority becomes the host name of the endpoint, once that is chosen (`auto_host_rewrite`). */
  readonly autoHost: boolean;
  /** Metadata the host must have: the route's `metadata_match` under the weighted cluster's; `null` for none. */
  readonly subset: ForwardAction["subset"];
  readonly #requestHeaders: HeaderMutator | null;
  readonly #pathRewrite: PathRewrite | null;
  readonly #weightedHost: string | null;
  readonly #hostRewrite: ((request: HttpRequest) => string | null) | null;
  readonly #appendForwardedHost: boolean;

  /** @throws {SyntaxError} When a pattern or format of the route is not valid. */
  constructor(place: RoutePlace) {
    this.place = place;
    const { route, virtualHost, configuration, weightedCluster } = place;
    const mutators = compileHeaderMutations(orderLevels(
      {
        weightedCluster: weightedCluster?.headers ?? null,
        route: route.headers,
        virtualHost: virtualHost.headers,
        configuration: configuration.headers,
      },
      configuration.mostSpecificHeaderMutationsWins,
    ));
    this.#requestHeaders = mutators.request;
    this.responseHeaders = mutators.response;
    const forward = route.action.kind === "forward" ? route.action : null;
    const retry: RetryPolicy | null = forward?.retryPolicy ?? virtualHost.retryPolicy;
    this.retry = retry === null ? null : new RetryRules(retry);
    this.hash = forward === null ? null : compileHashPolicies(forward.hashPolicies);
    const [wanted, own] = [forward?.subset ?? null, weightedCluster?.subset ?? null];
    this.subset = wanted === null || own === null ? wanted ?? own : { ...wanted, ...own };
    this.cookies = forward === null ? null : compileCookies(forward.hashPolicies);
    this.redirect = compileRedirectOf(route);
    this.#pathRewrite = forward === null ? null : compilePathRewrite(route.match, forward);
    this.#weightedHost = weightedCluster?.hostRewrite ?? null;
    this.#hostRewrite = forward === null ? null : compileHostRewrite(forward);
    this.#appendForwardedHost = forward?.appendXForwardedHost ?? false;
    this.autoHost = forward?.hostRewrite?.kind === "auto" && this.#hostRewrite === null;
  }

  /**
   * Makes the request ready for the upstream: header changes first, which see the original path and host, then host and
   * path, with the former values kept in `x-envoy-original-host` and `x-envoy-original-path` (Envoy's order). They are
   * kept also where nothing changed by it; a host of a weighted cluster comes first and leaves no trace.
   */
  rewrite(request: HttpRequest, call: Call): void {
    this.#requestHeaders?.(request.headers, call);
    if (this.#weightedHost !== null) request.authority = this.#weightedHost;
    if (this.#hostRewrite !== null) {
      const host = this.#hostRewrite(request);
      if (host !== null && host !== "") {
        setAuthority(request, host, this.#appendForwardedHost, call.suppressEnvoyHeaders);
      }
    }
    if (this.#pathRewrite !== null) {
      const path = this.#pathRewrite(request.path);
      if (path === null) return;
      if (!call.suppressEnvoyHeaders) request.headers.set("x-envoy-original-path", request.path);
      request.path = path;
    }
  }

  /**
   * Header changes of an answer that is not the upstream's: its status is not known yet to the values of added headers,
   * as in Envoy, though its headers are.
   */
  changeLocalReply({ headers }: HttpResponse, call: Call): void {
    if (this.responseHeaders === null) return;
    const former = call.response;
    call.response = { status: 0, headers, body: null };
    this.responseHeaders(headers, call);
    call.response = former;
  }

  /** Sets the authority to the host name of the chosen endpoint, where the route asks for that. */
  rewriteToEndpoint(request: HttpRequest, hostname: string, silent = false): void {
    if (this.autoHost && hostname !== "") setAuthority(request, hostname, this.#appendForwardedHost, silent);
  }
}

function setAuthority(request: HttpRequest, authority: string, appendForwardedHost: boolean, silent: boolean): void {
  const { headers } = request;
  if (appendForwardedHost) {
    const former = headers.getJoined("x-forwarded-host");
    // The same host twice in a row says nothing more: each attempt may set the authority anew.
    if (former === undefined) headers.set("x-forwarded-host", request.authority);
    else if (!`,${former}`.endsWith(`,${request.authority}`)) {
      headers.set("x-forwarded-host", `${former},${request.authority}`);
    }
  }
  if (!silent) headers.set("x-envoy-original-host", request.authority);
  request.authority = authority;
}

function compileHostRewrite(action: ForwardAction): ((request: HttpRequest) => string | null) | null {
  const rewrite = action.hostRewrite;
  if (rewrite === null || rewrite.kind === "auto") return null;
  switch (rewrite.kind) {
    case "literal":
      return () => rewrite.value;
    case "header":
      return (request) => request.headers.get(rewrite.value) ?? null;
    case "path_regex": {
      const regex = compileRegex(rewrite.value);
      const substitution = rewrite.substitution ?? "";
      return (request) => regex.replaceAll(request.path.slice(0, pathEnd(request.path)), substitution);
    }
  }
}

function compileRedirectOf({ action, match }: Route): ((request: HttpRequest) => string) | null {
  if (action.kind === "redirect") return compileRedirect(action, match);
  // A direct response whose status wants a `location` gets that of the request itself.
  const located = action.kind === "direct_response" && (action.status === 201 || Math.floor(action.status / 100) === 3);
  return located ? compileRedirect(SAME_PLACE, match) : null;
}

/** Leads to where the request was sent. */
const SAME_PLACE: RedirectAction = {
  kind: "redirect",
  scheme: null,
  host: null,
  port: null,
  path: null,
  prefixRewrite: null,
  regexRewrite: null,
  status: 301,
  stripQuery: false,
};

/** The redirect to `https` that `require_tls` of a virtual host stands for. */
export const TLS_REDIRECT: RedirectAction = { ...SAME_PLACE, scheme: "https" };
