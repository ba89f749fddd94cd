import type { HttpRequest } from "../http/message.ts";
import type { Random } from "../internal/random.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../resource/route.ts";
import { pathOf } from "./request_path.ts";
import { routeConditions } from "./route_conditions.ts";
import type { DynamicMetadata } from "./route_matcher.ts";
import { TLS_REDIRECT } from "./route_plan.ts";
import { compileRoutes, type RouteChoice } from "./route_table.ts";
import { domainSource, hostForMatching, VirtualHostTable } from "./virtual_host_table.ts";

/** A domain that matches the host of a request. */
export interface DomainMatch {
  /** The virtual host it belongs to. */
  readonly virtualHost: string;
  /** For example `reviews.default.svc.cluster.local` or `*.example.com`. */
  readonly domain: string;
  /** How it matches; the order of the kinds is the order in which they win. */
  readonly kind: "exact" | "suffix" | "prefix" | "any";
}

/** What came of one route. */
export interface RouteVerdict {
  /** Its place in the virtual host, from 0. */
  readonly index: number;
  readonly route: Route;
  /** What it asks for, in words. */
  readonly conditions: readonly string[];
  /** The first condition that does not hold; `null` for the route that is taken. */
  readonly reason: string | null;
}

/** Why a request takes the route it takes. */
export interface RouteExplanation {
  /** What the matcher chose; `null` where it found nothing. */
  readonly choice: RouteChoice | null;
  readonly virtualHost: VirtualHost | null;
  /** Every domain that matches, the winning one first. */
  readonly domains: readonly DomainMatch[];
  /** Whether the virtual host asks for TLS, so that no route was looked at (`require_tls`). */
  readonly redirectedToTls: boolean;
  /** The routes that were looked at, down to the one that is taken. */
  readonly routes: readonly RouteVerdict[];
  /** How many routes follow that one. */
  readonly notReached: number;
}

const KINDS: readonly DomainMatch["kind"][] = ["exact", "suffix", "prefix", "any"];

/**
 * Explains the choice of virtual host and route. The choice is the matcher's own, and each condition is asked by it: an
 * explanation cannot differ from what happens.
 *
 * @param configuration The route configuration.
 * @param request The request, as it is when routes are chosen.
 * @param random Source of randomness, for fractions and weights; the explanation sees the numbers that the choice saw.
 * @param metadata Dynamic metadata that filters set.
 */
export function explainRoute(
  configuration: RouteConfiguration,
  request: HttpRequest,
  random: Random,
  metadata: DynamicMetadata | null = null,
): RouteExplanation {
  const drawn: number[] = [];
  const choice = compileRoutes(configuration).choose(request, () => {
    const number = random();
    drawn.push(number);
    return number;
  }, metadata);
  const source = configuration.hostsByDomain ??
    domainSource(configuration.virtualHosts.map((host) => ({ domains: host.domains, host })));
  const virtualHost = new VirtualHostTable(source, configuration.ignorePortInHostMatching).find(request.authority);
  const domains = matchingDomains(configuration, request.authority);
  const redirectedToTls = choice?.route.action === TLS_REDIRECT;
  const routes = virtualHost === null || redirectedToTls
    ? []
    : judge(virtualHost.routes, request, replay(drawn), metadata);
  const notReached = (virtualHost?.routes.length ?? 0) - routes.length;
  return { choice, virtualHost, domains, redirectedToTls, routes, notReached };
}

function replay(drawn: readonly number[]): Random {
  let next = 0;
  return () => drawn[next++] ?? 0;
}

function judge(
  routes: readonly Route[],
  request: HttpRequest,
  random: Random,
  metadata: DynamicMetadata | null,
): RouteVerdict[] {
  const verdicts: RouteVerdict[] = [];
  const path = pathOf(request.path);
  for (const [index, route] of routes.entries()) {
    const conditions = routeConditions(route.match);
    const failed = conditions.find(({ holds }) => !holds(request, path, random, metadata));
    const texts = conditions.map(({ text }) => text).filter((text) => text !== "");
    verdicts.push({ index, route, conditions: texts, reason: failed?.why(request, path) ?? null });
    if (failed === undefined) break;
  }
  return verdicts;
}

function matchingDomains(configuration: RouteConfiguration, authority: string): DomainMatch[] {
  const host = hostForMatching(authority, configuration.ignorePortInHostMatching);
  const found: DomainMatch[] = [];
  for (const { name, domains } of configuration.virtualHosts) {
    for (const domain of domains) {
      const kind = domainMatches(domain.toLowerCase(), host);
      if (kind !== null) found.push({ virtualHost: name, domain, kind });
    }
  }
  return found.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || b.domain.length - a.domain.length);
}

function domainMatches(domain: string, host: string): DomainMatch["kind"] | null {
  if (domain === "*") return "any";
  if (domain.startsWith("*")) return host.length >= domain.length && host.endsWith(domain.slice(1)) ? "suffix" : null;
  if (domain.endsWith("*")) {
    return host.length >= domain.length && host.startsWith(domain.slice(0, -1)) ? "prefix" : null;
  }
  return domain === host ? "exact" : null;
}
