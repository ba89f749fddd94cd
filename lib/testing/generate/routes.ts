import { encode } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigRouteV3Route as Route,
  EnvoyConfigRouteV3VirtualHost as VirtualHost,
} from "../../protobuf/gen/messages.ts";
import { hostsMeet, isWildcard } from "../host_match.ts";
import { mayBeHttp } from "../kinds/service.ts";
import type { MeshService } from "../mesh_view.ts";
import { clusterName, type GenerateContext, type GeneratedResource } from "./context.ts";
import { hashPolicy, serviceHash } from "./hash_policy.ts";
import { httpRoutes } from "./http_routes.ts";
import { retryPolicy } from "./retry_policy.ts";

/**
 * The route configuration of that name: `PORT` for all HTTP services of a port, `HOST:PORT` for a detected port.
 * An unknown name gets an empty configuration, as istiod answers.
 */
export function routeConfiguration(context: GenerateContext, name: string): GeneratedResource {
  const detected = /^(.+):(\d+)$/.exec(name);
  const port = Number(detected?.[2] ?? name);
  const hosts = detected === null ? portHosts(context, port) : detectedHost(context, detected[1]!, port);
  const value = encode("envoy.config.route.v3.RouteConfiguration", {
    name,
    ...(hosts.length === 0 ? {} : {
      virtualHosts: detected === null ? [...hosts, catchAll(context)] : hosts,
      validateClusters: {},
      maxDirectResponseBodySizeBytes: { value: 1_048_576 },
      ignorePortInHostMatching: true,
    }),
  });
  return { name, value };
}

function portHosts(context: GenerateContext, port: number): VirtualHost[] {
  const services = context.view.services.filter((service) => service.ports.some((item) => item.port === port));
  if (!services.some((service) => carriesHttp(service, port))) return [];
  return virtualHosts(context, services, port);
}

function detectedHost(context: GenerateContext, hostname: string, port: number): VirtualHost[] {
  const services = context.view.services.filter((service) => service.ports.some((item) => item.port === port));
  const host = virtualHosts(context, services, port).find(({ domains }) => domains!.includes(hostname));
  // The listener's address already chose the service.
  return host === undefined ? [] : [{ ...host, domains: ["*"] }];
}

/** Routes with the hosts they are for. */
interface HostRoutes {
  readonly routes: readonly Route[];
  /** Hosts of a VirtualService that are no services of this port. */
  readonly strays: readonly string[];
  readonly services: readonly MeshService[];
}

/** The virtual hosts of a port: those of VirtualServices before those of services that have none. */
function virtualHosts(context: GenerateContext, services: readonly MeshService[], port: number): VirtualHost[] {
  const routed = virtualServiceRoutes(context, services, port);
  const done = new Set(routed.flatMap((item) => item.services));
  const plain = services.filter((service) => !done.has(service) && carriesHttp(service, port)).map((service) => ({
    routes: [defaultRoute(context, service.hostname, port)],
    strays: [],
    services: [service],
  }));
  const names = new Set<string>();
  const taken = new Set<string>();
  const hosts: VirtualHost[] = [];
  const add = (host: string, wanted: readonly string[], routes: readonly Route[]) => {
    const name = `${host}:${port}`;
    // The first of a name wins, and the first of a domain.
    if (names.has(name)) return;
    names.add(name);
    const free = wanted.filter((domain) => !taken.has(domain.toLowerCase()));
    for (const domain of free) taken.add(domain.toLowerCase());
    if (free.length === 0) return;
    hosts.push({ name, domains: free, routes: [...routes], includeRequestAttemptCount: true });
  };
  for (const { routes, strays, services } of [...routed, ...plain]) {
    for (const host of strays) add(host.toLowerCase(), [host.toLowerCase()], routes);
    for (const service of services) add(service.hostname, domainsOf(context, service), routes);
  }
  return hosts;
}

function virtualServiceRoutes(context: GenerateContext, services: readonly MeshService[], port: number): HostRoutes[] {
  const { namespace } = context.node;
  const { virtualServices } = context.view;
  const found: HostRoutes[] = [];
  for (const item of virtualServices.visibleTo(namespace)) {
    const hosts = item.value.hosts.map((host) => host.toLowerCase());
    const matching = services.filter(({ hostname }) =>
      hosts.includes(hostname) ||
      (hosts.some((host) => isWildcard(host) && hostsMeet(host, hostname)) &&
        virtualServices.mostSpecificFor(hostname, namespace) === item)
    );
    const strays = hosts.filter((host) => !services.some(({ hostname }) => hostsMeet(host, hostname)));
    const http = matching.filter((service) => carriesHttp(service, port));
    // Hosts that no service of a port has appear on port 80 all the same (seen on a live istiod).
    if (http.length === 0 && port !== 80) continue;
    const routes = httpRoutes(context, item, port);
    if (routes.length > 0) found.push({ routes, strays, services: http });
  }
  return found;
}

/** Whether a port of a service is known to carry HTTP, or might. */
function carriesHttp(service: MeshService, port: number): boolean {
  return service.ports.some((item) => item.port === port && mayBeHttp(item.protocol));
}

/** Every way a caller in this namespace may write the host. */
function domainsOf(context: GenerateContext, service: MeshService): string[] {
  const { hostname, name, namespace } = service;
  const short = `${name}.${namespace}`;
  const local = namespace === context.node.namespace;
  const names = [hostname, `${hostname}.`, ...(local ? [name, `${short}.svc`, short] : [short, `${short}.svc`])];
  // The pods of a headless service have names below it.
  return [...names, ...(service.address === null ? names.map((item) => `*.${item}`) : [service.address])];
}

function defaultRoute(context: GenerateContext, hostname: string, port: number): Route {
  const hash = serviceHash(context, hostname, port);
  return {
    name: "default",
    match: { prefix: "/" },
    route: {
      cluster: clusterName(port, "", hostname),
      timeout: {},
      retryPolicy: retryPolicy(undefined, false)!,
      ...(hash === undefined ? {} : { hashPolicy: [hashPolicy(hash)] }),
      maxGrpcTimeout: {},
    },
    decorator: { operation: `${hostname}:${port}/*` },
  };
}

function catchAll(context: GenerateContext): VirtualHost {
  if (context.view.settings.outboundTrafficPolicy === "REGISTRY_ONLY") {
    return {
      name: "block_all",
      domains: ["*"],
      routes: [{ name: "block_all", match: { prefix: "/" }, directResponse: { status: 502 } }],
      includeRequestAttemptCount: true,
    };
  }
  return {
    name: "allow_any",
    domains: ["*"],
    routes: [{
      name: "allow_any",
      match: { prefix: "/" },
      route: { cluster: "PassthroughCluster", timeout: {}, maxGrpcTimeout: {} },
    }],
    includeRequestAttemptCount: true,
  };
}
