import { currentNetworkFilter } from "../../filter/discovered_filter.ts";
import { connectionManagerLayer } from "../../filter/connection_manager_layer.ts";
import { compileFilterChains, selectFilterChain } from "../../filter/filter_chain_match.ts";
import { Call } from "../../http/call.ts";
import { Exchange } from "../../http/exchange.ts";
import type { HttpRequest } from "../../http/message.ts";
import type { FetchUrl } from "../../http/web/fetch_url.ts";
import { fromFetchArguments } from "../../http/web/request_from_fetch.ts";
import { type Random, randomInt } from "../../internal/random.ts";
import { formatAddress } from "../../internal/socket_address.ts";
import { addressesOf, applicationConnection, pickListener } from "../../outbound.ts";
import type { HttpConnectionManager } from "../../resource/http_connection_manager.ts";
import type { FilterChain, NetworkFilterConfig, TcpProxy } from "../../resource/listener.ts";
import type { RouteConfiguration } from "../../resource/route.ts";
import type { Snapshot } from "../../resource/snapshot.ts";
import { explainRoute, type RouteExplanation } from "../../router/explain_route.ts";
import type { RouteChoice } from "../../router/route_table.ts";
import type { RoutesArguments } from "./arguments.ts";
import { type ClusterSource, explainCluster } from "./explain_cluster.ts";
import { explainForward } from "./explain_forward.ts";
import { portsOf, suggestHosts } from "./known_hosts.ts";
import type { RequestExplanation } from "./request_explanation.ts";

/** What an explanation reads. */
export interface ExplainSources {
  readonly snapshot: Snapshot;
  readonly clusters: ClusterSource;
  readonly random: Random;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

type Draft = { -readonly [Key in keyof RequestExplanation]: RequestExplanation[Key] };

/** The cluster that stands for "nobody may go there", and the one that takes what nobody knows as it is. */
const BLACK_HOLE = "BlackHoleCluster";
const PASSTHROUGH = "PassthroughCluster";
/** Istio's virtual host for hosts that are not registered, where only those may be reached. */
const BLOCK_ALL = "block_all";

/**
 * Follows a request through the configuration as the data path does, with the data path's own parts, and notes what each
 * of them decides.
 *
 * @throws {TypeError} For what `fetch` does not take: a bad method or header.
 */
export async function explainRequest(asked: RoutesArguments, sources: ExplainSources): Promise<RequestExplanation> {
  const { request, url } = fromFetchArguments(asked.url, {
    method: asked.method,
    headers: asked.headers.map(([name, value]): [string, string] => [name, value]),
  });
  const draft: Draft = {
    request: { method: request.method, url: asked.url, host: request.authority, path: request.path },
    addresses: [],
    listener: null,
    filterChain: null,
    strippedHeaders: [],
    routeConfiguration: null,
    virtualHost: null,
    otherDomains: [],
    routes: [],
    notReached: 0,
    outcome: null,
    cluster: null,
    endpoint: null,
    notes: [],
    problem: null,
  };
  const exchange = new Exchange();
  const call = new Call({ direction: "outbound", startTime: sources.now, request, exchange, downstream: null });
  await new Explaining(draft, url, request, call, sources).run();
  return draft;
}

/** One explanation under way. */
class Explaining {
  readonly #draft: Draft;
  readonly #url: FetchUrl;
  readonly #request: HttpRequest;
  readonly #call: Call;
  readonly #sources: ExplainSources;

  constructor(draft: Draft, url: FetchUrl, request: HttpRequest, call: Call, sources: ExplainSources) {
    this.#draft = draft;
    this.#url = url;
    this.#request = request;
    this.#call = call;
    this.#sources = sources;
  }

  async run(): Promise<void> {
    const filter = this.#chooseFilter();
    if (filter === null) return;
    switch (filter.kind) {
      case "tcp_proxy":
        return await this.#followTcp(filter.config);
      case "http_connection_manager":
        if (this.#url.protocol === "http:") return await this.#followHttp(filter.config);
        return this.#fail(
          `'${this.#url.authority}' is plain HTTP to the mesh, which encrypts it itself`,
          "Use http: for it, or name the Service's port 'https' or 'tls'",
        );
      default:
        return this.#fail(
          `The mesh requires network filter '${filter.name}', which this version does not support`,
          `Set unsupportedFilters: { "${filter.name}": "skip" } to go without it`,
        );
    }
  }

  #fail(message: string, hint: string | null): void {
    this.#draft.problem = { message, hint };
  }

  #note(note: string): void {
    this.#draft.notes = [...this.#draft.notes, note];
  }

  /** Listener, filter chain, and the filter of it that decides. */
  #chooseFilter(): NetworkFilterConfig | null {
    const { snapshot } = this.#sources;
    const { port, protocol } = this.#url;
    const hostname = this.#url.hostname.replace(/^\[|\]$/g, "");
    const addresses = addressesOf(snapshot, hostname);
    const [listener, ip] = pickListener(snapshot, addresses, port);
    this.#draft.addresses = addresses;
    this.#call.requestedAddress = formatAddress({ hostname: ip ?? hostname, port });
    if (listener === null) {
      this.#fail(
        "The mesh has sent no listener for it and no outbound policy",
        "Check that istiod knows this workload",
      );
      return null;
    }
    const own = ip !== null && snapshot.outboundListener(ip, port) === listener;
    const why = own
      ? `has the address ${formatAddress({ hostname: ip, port })}`
      : listener === snapshot.virtualOutbound
      ? `takes what no other listener does; there is none for port ${port}`
      : `takes every address on port ${port}`;
    this.#draft.listener = { name: listener.name, why };
    const tls = protocol === "https:";
    const chain = selectFilterChain(compileFilterChains(listener), applicationConnection(hostname, ip, port, tls));
    const filter = chain?.filters.map((filter) => currentNetworkFilter(filter, (name) => snapshot.extension(name)))
      .find(({ kind }) => kind !== "filter") ?? null;
    if (chain === null || filter === null) {
      this.#fail(
        `No filter chain of listener '${listener.name}' takes ${tls ? "TLS" : "a plaintext"} connection to it`,
        tls ? "Use http: where the mesh encrypts by itself" : "Check whether the port wants TLS of the application",
      );
      return null;
    }
    this.#draft.filterChain = describeChain(chain, filter);
    return filter;
  }

  async #followTcp({ clusters }: TcpProxy): Promise<void> {
    const { random } = this.#sources;
    const total = clusters.reduce((sum, { weight }) => sum + weight, 0);
    let at = randomInt(random, total);
    const cluster = clusters.find(({ weight }) => (at -= weight) < 0) ?? clusters[0]!;
    const split = clusters.length < 2
      ? []
      : clusters.map(({ name, weight }) => ({ cluster: name, percent: 100 * weight / total }));
    this.#draft.outcome = { kind: "tcp", cluster: cluster.name, split };
    await this.#followCluster(cluster.name, null);
  }

  async #followHttp(manager: HttpConnectionManager): Promise<void> {
    const { snapshot, random } = this.#sources;
    const request = this.#request;
    const before = new Set(request.headers.pairs.filter((_, index) => index % 2 === 0));
    try {
      // What the connection manager does to a request before it is routed, by its own code.
      await connectionManagerLayer(manager)(() => Promise.reject(ROUTED))(request, this.#call);
    } catch (error) {
      if (error !== ROUTED) return this.#fail((error as Error).message, null);
    }
    this.#draft.strippedHeaders = [...before].filter((name) => !request.headers.has(name));
    this.#draft.request = { ...this.#draft.request, host: request.authority, path: request.path };
    const { routes } = manager;
    const configuration = "rds" in routes ? snapshot.route(routes.rds) : routes.inline;
    this.#draft.routeConfiguration = "rds" in routes ? routes.rds : routes.inline.name;
    if (configuration === null) {
      return this.#fail("The route configuration has not come, or was refused", "See /config_dump of the admin port");
    }
    const explanation = explainRoute(configuration, request, random);
    this.#describeRoutes(explanation);
    if (explanation.choice === null) return this.#noRoute(explanation, configuration);
    await this.#followRoute(explanation.choice);
  }

  #describeRoutes({ virtualHost, domains, routes, notReached, redirectedToTls }: RouteExplanation): void {
    const [won, ...others] = domains.map(({ virtualHost, domain, kind }) => ({ virtualHost, domain, match: kind }));
    if (virtualHost !== null && won !== undefined) {
      this.#draft.virtualHost = { name: virtualHost.name, domain: won.domain, match: won.match };
    }
    this.#draft.otherDomains = others;
    this.#draft.routes = routes.map(({ index, route, conditions, reason }) => ({
      place: index + 1,
      name: route.name,
      conditions,
      taken: reason === null,
      reason,
    }));
    this.#draft.notReached = notReached;
    if (redirectedToTls) this.#note("The virtual host asks for TLS, so no route was looked at");
  }

  #noRoute({ virtualHost }: RouteExplanation, configuration: RouteConfiguration): void {
    if (virtualHost !== null) {
      return this.#fail(
        `None of the ${virtualHost.routes.length} routes of virtual host '${virtualHost.name}' matches: 404`,
        "Check the VirtualServices of the host: one without a match takes everything",
      );
    }
    this.#fail(
      `No virtual host of '${configuration.name}' has the host '${this.#request.authority}': 404`,
      this.#suggest(),
    );
  }

  #notRegistered(): void {
    const hint = this.#suggest() ?? "Add a ServiceEntry for it";
    this.#fail("The mesh lets only registered hosts through (REGISTRY_ONLY)", hint);
  }

  /** What may have been meant by a host or port that the mesh does not know; `null` where nothing comes near it. */
  #suggest(): string | null {
    const { snapshot } = this.#sources;
    const { hostname, port } = this.#url;
    const ports = portsOf(snapshot, hostname);
    if (ports.includes(port)) return "Use http: where the mesh is to route it and encrypts by itself";
    if (ports.length > 0) return `The mesh knows '${hostname}' on port ${ports.join(", ")}`;
    const hosts = suggestHosts(snapshot, hostname);
    return hosts.length === 0 ? null : `Did you mean ${hosts.map((host) => `'${host}'`).join(" or ")}?`;
  }

  async #followRoute(choice: RouteChoice): Promise<void> {
    const { action } = choice.route;
    switch (action.kind) {
      case "redirect":
        this.#draft.outcome = {
          kind: "redirect",
          status: action.status,
          location: choice.plan.redirect!(this.#request),
        };
        return;
      case "direct_response":
        this.#draft.outcome = { kind: "answer", status: action.status, body: action.body };
        if (choice.virtualHost.name === BLOCK_ALL) return this.#notRegistered();
        if (action.status >= 500) {
          this.#note("The mesh answers by itself; the route, or what it needs, is not supported");
        }
        return;
      case "non_forwarding":
        return this.#fail("The route is answered by a filter, and this version has none that does", null);
    }
    const name = choice.clusterName ?? "";
    if (name === "") {
      return this.#fail("The route takes the name of its cluster from a header that is not there", null);
    }
    const hash = choice.plan.hash?.(this.#request, this.#call) ?? null;
    this.#draft.outcome = explainForward(choice, action, this.#request, this.#call);
    const host = await this.#followCluster(name, hash);
    if (host === null || this.#draft.outcome.kind !== "forward") return;
    const authority = this.#request.authority;
    choice.plan.rewriteToEndpoint(this.#request, host);
    if (this.#request.authority !== authority) {
      this.#draft.outcome = { ...this.#draft.outcome, rewrittenHost: this.#request.authority };
    }
  }

  /** @returns Host name of the endpoint; `null` where there is none. */
  async #followCluster(name: string, hash: Parameters<typeof explainCluster>[1]["hash"]): Promise<string | null> {
    const { clusters } = this.#sources;
    if (name === BLACK_HOLE) {
      this.#notRegistered();
      return null;
    }
    const suggestion = name === PASSTHROUGH ? this.#suggest() : null;
    if (name === PASSTHROUGH) {
      const what = this.#url.protocol === "https:" ? "TLS of the application to" : "What is sent to";
      this.#note(`${what} '${this.#url.authority}' goes out as it is: the mesh has no route and no identity for it`);
    }
    const found = await explainCluster(clusters.target(name), { name, hash, destination: this.#call.requestedAddress });
    this.#draft.cluster = found.cluster;
    this.#draft.endpoint = found.endpoint;
    this.#draft.problem = found.problem === null || found.problem.hint !== null
      ? found.problem
      : { ...found.problem, hint: suggestion };
    if (found.problem === null && suggestion !== null) this.#note(suggestion);
    return found.endpoint?.hostname ?? null;
  }
}

/** Ends the connection manager's part: what comes behind it is explained, not done. */
const ROUTED = new Error("Routed");

function describeChain(chain: FilterChain, filter: NetworkFilterConfig): RequestExplanation["filterChain"] {
  const http = filter.kind === "http_connection_manager" ? filter.config.httpFilters.map(({ name }) => name) : [];
  return { name: chain.name, protocol: filter.kind === "http_connection_manager" ? "http" : "tcp", filters: http };
}
