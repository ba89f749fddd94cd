import type { HttpMatch } from "./kinds/http_match.ts";
import type { HttpRoute } from "./kinds/http_route.ts";
import type { NamedMatches, StringMatch } from "./kinds/string_match.ts";

/**
 * The routes of a delegate as they take the place of the route that delegates, merged as istiod merges: a route of
 * the delegate must be narrower than the root's matches, and inherits what it does not say itself.
 */
export function mergeDelegate(root: HttpRoute, delegate: readonly HttpRoute[]): HttpRoute[] {
  return delegate.flatMap((route) => mergeRoute(root, route) ?? []);
}

function mergeRoute(root: HttpRoute, route: HttpRoute): HttpRoute | undefined {
  const matches = mergeMatches(root.matches, route.matches);
  return matches && {
    ...route,
    matches,
    name: joined(root.name, route.name),
    rewrite: route.rewrite ?? root.rewrite,
    directResponse: route.directResponse ?? root.directResponse,
    timeoutMs: route.timeoutMs ?? root.timeoutMs,
    retries: route.retries ?? root.retries,
    fault: route.fault ?? root.fault,
    mirrors: route.mirrors.length > 0 ? route.mirrors : root.mirrors,
    corsPolicy: route.corsPolicy ?? root.corsPolicy,
    headers: route.headers ?? root.headers,
  };
}

function joined(root: string, own: string): string {
  return own === "" ? root : root === "" ? own : `${root}-${own}`;
}

/** `undefined` where a match of the delegate is narrower than none of the root's. */
function mergeMatches(roots: readonly HttpMatch[], own: readonly HttpMatch[]): readonly HttpMatch[] | undefined {
  if (roots.length === 0) return own;
  if (own.length === 0) return roots;
  const merged: HttpMatch[] = [];
  for (const match of own) {
    const wider = roots.filter((root) => !conflicts(root, match));
    if (wider.length === 0) return undefined;
    merged.push(...wider.map((root) => mergeMatch(root, match)));
  }
  return merged;
}

function mergeMatch(root: HttpMatch, own: HttpMatch): HttpMatch {
  return {
    name: joined(root.name, own.name),
    uri: own.uri ?? root.uri,
    ignoreUriCase: own.ignoreUriCase,
    scheme: own.scheme ?? root.scheme,
    method: own.method ?? root.method,
    authority: own.authority ?? root.authority,
    headers: { ...root.headers, ...own.headers },
    withoutHeaders: { ...root.withoutHeaders, ...own.withoutHeaders },
    queryParams: { ...root.queryParams, ...own.queryParams },
    port: own.port ?? root.port,
    sourceLabels: { ...root.sourceLabels, ...own.sourceLabels },
    sourceNamespace: own.sourceNamespace ?? root.sourceNamespace,
    gateways: own.gateways.length > 0 ? own.gateways : root.gateways,
    statPrefix: own.statPrefix ?? root.statPrefix,
  };
}

function conflicts(root: HttpMatch, own: HttpMatch): boolean {
  const { gateways } = root;
  return stringsConflict(root.uri, own.uri) || stringsConflict(root.scheme, own.scheme) ||
    stringsConflict(root.method, own.method) || stringsConflict(root.authority, own.authority) ||
    namedConflict(root.headers, own.headers) || namedConflict(root.withoutHeaders, own.withoutHeaders) ||
    namedConflict(root.queryParams, own.queryParams) || root.ignoreUriCase !== own.ignoreUriCase ||
    (root.port !== undefined && own.port !== undefined && root.port !== own.port) ||
    (root.sourceNamespace !== undefined && root.sourceNamespace !== own.sourceNamespace) ||
    Object.entries(own.sourceLabels).some(([name, value]) => (root.sourceLabels[name] ?? value) !== value) ||
    (gateways.length > 0 && own.gateways.some((gateway) => !gateways.includes(gateway)));
}

function namedConflict(root: NamedMatches, own: NamedMatches): boolean {
  return Object.entries(own).some(([name, match]) => {
    const wider = root[name];
    if (wider === undefined) return false;
    // Two that ask for presence conflict too: to istiod they are matches of no kind.
    return wider === null || match === null || stringsConflict(wider, match);
  });
}

/** Whether what the delegate asks for is not covered by what the root asks for. */
function stringsConflict(root: StringMatch | undefined, own: StringMatch | undefined): boolean {
  if (root === undefined || own === undefined) return false;
  if (root.kind === "regex" || own.kind === "regex") return true;
  if (root.kind === "exact") return own.kind === "prefix" || own.value !== root.value;
  return !own.value.startsWith(root.value);
}
