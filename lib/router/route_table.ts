import type { ChosenRoute } from "../http/call.ts";
import type { HttpRequest } from "../http/message.ts";
import { type Random, randomInt } from "../internal/random.ts";
import { MATCH_EVERYTHING } from "../resource/match_everything.ts";
import type {
  Route,
  RouteConfiguration,
  VirtualHost,
  VirtualHostsByDomain,
  WeightedCluster,
} from "../resource/route.ts";
import { type LiteralCheck, literalChecks } from "./literal_check.ts";
import { pathOf } from "./request_path.ts";
import { compileRouteMatch, type DynamicMetadata, type RouteMatcher } from "./route_matcher.ts";
import { RoutePlan, TLS_REDIRECT } from "./route_plan.ts";
import { type DomainSource, domainSource, VirtualHostTable } from "./virtual_host_table.ts";

/** What route choice leaves on the call: the route, the cluster, and how to carry it out. */
export class RouteChoice implements ChosenRoute {
  readonly virtualHost: VirtualHost;
  readonly route: Route;
  readonly clusterName: string | null;
  /** The entry chosen among weighted clusters; `null` where the route does not split traffic. */
  readonly weightedCluster: WeightedCluster | null;
  readonly plan: RoutePlan;

  /**
   * @param plan The compiled route.
   * @param clusterName The cluster; `null` for routes that do not forward.
   */
  constructor(plan: RoutePlan, clusterName: string | null) {
    this.virtualHost = plan.place.virtualHost;
    this.route = plan.place.route;
    this.weightedCluster = plan.place.weightedCluster;
    this.clusterName = clusterName;
    this.plan = plan;
  }

  /**
   * The most specific per-route configuration of a filter: weighted cluster, route, virtual host, route configuration.
   * `undefined` where there is none.
   */
  filterConfig(filterName: string): object | undefined {
    return this.weightedCluster?.perFilterConfig.get(filterName) ?? this.route.perFilterConfig.get(filterName) ??
      this.virtualHost.perFilterConfig.get(filterName) ??
      this.plan.place.configuration.perFilterConfig.get(filterName);
  }

  /** The per-route configurations of a filter at every level, most specific first; `undefined` where a level has none. */
  filterConfigs(filterName: string): (object | undefined)[] {
    return [this.weightedCluster, this.route, this.virtualHost, this.plan.place.configuration]
      .map((level) => level?.perFilterConfig.get(filterName));
  }
}

/** A route configuration made ready for use. */
export interface RouteTable {
  readonly configuration: RouteConfiguration;
  /**
   * The route of a request, with its cluster picked; `null` where none matches.
   *
   * @param request The request as it is now.
   * @param random Source of randomness, for weights and fractions.
   * @param metadata Dynamic metadata that filters set. @default {null}
   */
  choose(request: HttpRequest, random: Random, metadata?: DynamicMetadata | null): RouteChoice | null;
}

/**
 * Makes a route configuration ready for use. Only the table of domains is built now; the routes of a virtual host are
 * compiled when it is first met, for an application talks to a handful of thousands of them.
 *
 * @param configuration The validated resource.
 */
export function compileRoutes(configuration: RouteConfiguration): RouteTable {
  const compile = (host: VirtualHost) => new CompiledVirtualHost(host, configuration);
  const source = configuration.hostsByDomain === null
    ? domainSource(configuration.virtualHosts.map((host) => ({ domains: host.domains, host: compile(host) })))
    : compiledSource(configuration.hostsByDomain, compile);
  const table = new VirtualHostTable(source, configuration.ignorePortInHostMatching);
  return {
    configuration,
    choose: (request, random, metadata = null) =>
      table.find(request.authority)?.choose(request, random, metadata) ?? null,
  };
}

/** Compiles each virtual host when it is first found. */
function compiledSource(
  hosts: VirtualHostsByDomain,
  compile: (host: VirtualHost) => CompiledVirtualHost,
): DomainSource<CompiledVirtualHost> {
  const compiled = new Map<VirtualHost, CompiledVirtualHost>();
  const of = (host: VirtualHost) => {
    let known = compiled.get(host);
    if (known === undefined) compiled.set(host, known = compile(host));
    return known;
  };
  return {
    exact(domain) {
      const host = hosts.exact(domain);
      return host === null ? null : of(host);
    },
    wildcards: hosts.wildcards.map(({ domain, host }) => ({ domain, host: of(host) })),
  };
}

/** Picks the cluster of a matched route. */
type Pick = (request: HttpRequest, random: Random) => RouteChoice;

/** A route made ready for use. */
interface CompiledRoute extends LiteralCheck {
  readonly matches: RouteMatcher;
  readonly pick: Pick;
}

class CompiledVirtualHost {
  readonly #virtualHost: VirtualHost;
  readonly #configuration: RouteConfiguration;
  #routes: readonly CompiledRoute[] | null = null;
  #tlsRedirect: RouteChoice | null = null;

  constructor(virtualHost: VirtualHost, configuration: RouteConfiguration) {
    this.#virtualHost = virtualHost;
    this.#configuration = configuration;
  }

  choose(request: HttpRequest, random: Random, metadata: DynamicMetadata | null): RouteChoice | null {
    if (this.#virtualHost.requireTls !== "none" && this.#needsTls(request)) return this.#redirectToTls();
    const routes = this.#routes ??= this.#compile();
    const path = pathOf(request.path);
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i]!;
      if (route.at >= 0 && path.charCodeAt(route.at) !== route.code) continue;
      if (route.matches(request, path, random, metadata)) return route.pick(request, random);
    }
    return null;
  }

  #compile(): readonly CompiledRoute[] {
    const { routes } = this.#virtualHost;
    const checks = literalChecks(routes.map(({ match }) => match));
    return routes.map((route, index) => ({
      at: checks[index]!.at,
      code: checks[index]!.code,
      matches: compileRouteMatch(route.match),
      pick: this.#compilePick(route),
    }));
  }

  /** Envoy goes by `x-forwarded-proto`, and spares internal requests where only external ones need TLS. */
  #needsTls(request: HttpRequest): boolean {
    if ((request.headers.get("x-forwarded-proto") ?? request.scheme) === "https") return false;
    return this.#virtualHost.requireTls === "all" || request.headers.get("x-envoy-internal") !== "true";
  }

  #redirectToTls(): RouteChoice {
    return this.#tlsRedirect ??= new RouteChoice(
      this.#plan({
        name: "",
        match: MATCH_EVERYTHING,
        action: TLS_REDIRECT,
        metadata: {},
        operation: null,
        headers: { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] },
        perFilterConfig: new Map(),
        requestBufferLimit: 0,
      }, null),
      null,
    );
  }

  #plan(route: Route, weightedCluster: WeightedCluster | null): RoutePlan {
    return new RoutePlan({
      configuration: this.#configuration,
      virtualHost: this.#virtualHost,
      route,
      weightedCluster,
    });
  }

  #compilePick(route: Route): Pick {
    const { action } = route;
    if (action.kind !== "forward") {
      const choice = new RouteChoice(this.#plan(route, null), null);
      return () => choice;
    }
    const { cluster } = action;
    switch (cluster.kind) {
      case "name": {
        const choice = new RouteChoice(this.#plan(route, null), cluster.name);
        return () => choice;
      }
      case "header": {
        const plan = this.#plan(route, null);
        // A missing header names no cluster: the router answers "cluster not found", as Envoy.
        return (request) => new RouteChoice(plan, request.headers.get(cluster.header) ?? "");
      }
      case "weighted": {
        const { clusters, totalWeight, drawHeader } = cluster;
        const choices = clusters.map((entry) => new RouteChoice(this.#plan(route, entry), entry.name));
        return (request, random) => {
          const draw = drawHeader === null ? undefined : request.headers.get(drawHeader);
          const index = pickWeighted(clusters, drawn(draw, totalWeight) ?? randomInt(random, totalWeight));
          const choice = choices[index]!;
          const { header } = clusters[index]!;
          return header === null ? choice : new RouteChoice(choice.plan, request.headers.get(header) ?? "");
        };
      }
    }
  }
}

/** What a header says that was drawn; `null` where it is no number. */
function drawn(value: string | undefined, total: number): number | null {
  return value !== undefined && /^\d{1,20}$/.test(value) ? Number(BigInt(value) % BigInt(total)) : null;
}

/** The index of the entry that a number below the total belongs to, each with as many as its weight. */
function pickWeighted(clusters: readonly WeightedCluster[], at: number): number {
  for (let i = 0; i < clusters.length; i++) {
    at -= clusters[i]!.weight;
    if (at < 0) return i;
  }
  return clusters.length - 1;
}
