import type { ChosenRoute } from "../http/call.ts";
import type { HttpRequest } from "../http/message.ts";
import { type Random, randomInt } from "../internal/random.ts";
import type { Route, RouteConfiguration, RouteMatch, VirtualHost, WeightedCluster } from "../resource/route.ts";
import { pathOf } from "./request_path.ts";
import { compileRouteMatch, type DynamicMetadata, type RouteMatcher } from "./route_matcher.ts";
import { RoutePlan, TLS_REDIRECT } from "./route_plan.ts";
import { VirtualHostTable } from "./virtual_host_table.ts";

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
  const hosts = configuration.virtualHosts.map((virtualHost) => ({
    domains: virtualHost.domains,
    value: new CompiledVirtualHost(virtualHost, configuration),
  }));
  const table = new VirtualHostTable(hosts, configuration.ignorePortInHostMatching);
  return {
    configuration,
    choose: (request, random, metadata = null) =>
      table.find(request.authority)?.choose(request, random, metadata) ?? null,
  };
}

/** Picks the cluster of a matched route. */
type Pick = (request: HttpRequest, random: Random) => RouteChoice;

/** A route made ready for use. */
interface CompiledRoute {
  /** A place in the path and the one character it must have there; -1 where there is no such condition. */
  readonly checkAt: number;
  readonly checkCode: number;
  readonly matches: RouteMatcher;
  readonly pick: Pick;
}

/**
 * The last character of a literal path: looking at it first rules out most of the routes of a long list without a
 * call. Beyond the end of a path `charCodeAt` is not a number, which equals nothing.
 */
function firstCheck({ path, caseSensitive }: RouteMatch): { checkAt: number; checkCode: number } {
  const literal = path.kind === "prefix" || path.kind === "path" || path.kind === "path_separated_prefix";
  if (!literal || !caseSensitive || path.value === "") return { checkAt: -1, checkCode: 0 };
  const checkAt = path.value.length - 1;
  return { checkAt, checkCode: path.value.charCodeAt(checkAt) };
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
    const routes = this.#routes ??= this.#virtualHost.routes.map((route) => ({
      ...firstCheck(route.match),
      matches: compileRouteMatch(route.match),
      pick: this.#compilePick(route),
    }));
    const path = pathOf(request.path);
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i]!;
      if (route.checkAt >= 0 && path.charCodeAt(route.checkAt) !== route.checkCode) continue;
      if (route.matches(request, path, random, metadata)) return route.pick(request, random);
    }
    return null;
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
        match: {
          path: { kind: "prefix", value: "/" },
          caseSensitive: true,
          headers: [],
          queryParameters: [],
          runtimeFraction: null,
          grpc: false,
          dynamicMetadata: [],
        },
        action: TLS_REDIRECT,
        metadata: {},
        operation: null,
        headers: { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] },
        perFilterConfig: new Map(),
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
        const choices = cluster.clusters.map((entry) => new RouteChoice(this.#plan(route, entry), entry.name));
        return (request, random) => {
          const index = pickWeighted(cluster.clusters, cluster.totalWeight, random);
          const choice = choices[index]!;
          const { header } = cluster.clusters[index]!;
          return header === null ? choice : new RouteChoice(choice.plan, request.headers.get(header) ?? "");
        };
      }
    }
  }
}

/** The index of an entry, each with the chance `weight / total`. */
function pickWeighted(clusters: readonly WeightedCluster[], total: number, random: Random): number {
  let at = randomInt(random, total);
  for (let i = 0; i < clusters.length; i++) {
    at -= clusters[i]!.weight;
    if (at < 0) return i;
  }
  return clusters.length - 1;
}
