import { encode } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigRouteV3Route as Route,
  EnvoyConfigRouteV3VirtualHost as VirtualHost,
} from "../../protobuf/gen/messages.ts";
import { isHttp } from "../kinds/service.ts";
import type { VirtualService } from "../kinds/virtual_service.ts";
import type { MeshService, Named } from "../mesh_view.ts";
import { clusterName, type GenerateContext, type GeneratedResource } from "./context.ts";
import { defaultRetryPolicy, httpRoutes } from "./http_routes.ts";

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
  const services = context.view.services.filter((service) =>
    service.ports.some((item) => item.port === port && isHttp(item.protocol))
  );
  if (services.length === 0) return [];
  const served = services.map((service) => virtualHost(context, service, port));
  return [...served, ...(port === 80 ? strayHosts(context, services) : [])];
}

/** Virtual services of hosts that have no such port appear on port 80 all the same (seen on a live istiod). */
function strayHosts(context: GenerateContext, services: readonly MeshService[]): VirtualHost[] {
  const known = new Set(services.map((service) => service.hostname));
  const hosts: VirtualHost[] = [];
  for (const virtualService of context.view.virtualServices()) {
    for (const host of virtualService.value.hosts) {
      if (known.has(host)) continue;
      known.add(host);
      hosts.push({
        name: `${host}:80`,
        domains: [host],
        routes: httpRoutes(context, virtualService, 80),
        includeRequestAttemptCount: true,
      });
    }
  }
  return hosts;
}

function detectedHost(context: GenerateContext, hostname: string, port: number): VirtualHost[] {
  const service = context.view.service(hostname);
  if (service === undefined || !service.ports.some((item) => item.port === port)) return [];
  // The listener's address already chose the service.
  return [{ ...virtualHost(context, service, port), domains: ["*"] }];
}

function virtualHost(context: GenerateContext, service: MeshService, port: number): VirtualHost {
  const virtualService = virtualServiceOf(context, service.hostname);
  return {
    name: `${service.hostname}:${port}`,
    domains: domains(context, service),
    routes: virtualService === undefined
      ? [defaultRoute(service.hostname, port)]
      : httpRoutes(context, virtualService, port),
    includeRequestAttemptCount: true,
  };
}

/** One VirtualService a host: the first by namespace and name stands for the oldest. */
function virtualServiceOf(context: GenerateContext, hostname: string): Named<VirtualService> | undefined {
  return context.view.virtualServices().find((item) => item.value.hosts.includes(hostname));
}

/** Every way a caller in this namespace may write the host. */
function domains(context: GenerateContext, service: MeshService): string[] {
  const { hostname, name, namespace } = service;
  const short = `${name}.${namespace}`;
  const local = namespace === context.node.namespace;
  const names = [hostname, `${hostname}.`, ...(local ? [name, `${short}.svc`, short] : [short, `${short}.svc`])];
  // The pods of a headless service have names below it.
  return [...names, ...(service.address === null ? names.map((item) => `*.${item}`) : [service.address])];
}

function defaultRoute(hostname: string, port: number): Route {
  return {
    name: "default",
    match: { prefix: "/" },
    route: {
      cluster: clusterName(port, "", hostname),
      timeout: {},
      retryPolicy: defaultRetryPolicy(),
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
