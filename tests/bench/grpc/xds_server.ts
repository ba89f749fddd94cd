import { GrpcServer } from "../../../lib/grpc/server.ts";
import { serveHttp2 } from "../../../lib/http/http2/server_connection.ts";
import { systemClock } from "../../../lib/internal/clock.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { decode, encode, type MessageName, packAny, typeUrl } from "../../../lib/protobuf/registry.ts";
import { listen } from "../../../lib/transport/acceptor.ts";
import { HandleRegistry } from "../../../lib/transport/handle_registry.ts";

const NAME = "echo";
const ADS = { ads: {}, resourceApiVersion: "V3" } as const;

/** What a proxyless client needs to reach one endpoint, by the name of its message. */
function resources(
  target: string,
  port: number,
): Partial<Record<MessageName, { typeUrl?: string; value?: Uint8Array }>> {
  return {
    "envoy.config.listener.v3.Listener": packAny("envoy.config.listener.v3.Listener", {
      name: target,
      apiListener: {
        apiListener: packAny(
          "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
          {
            rds: { configSource: ADS, routeConfigName: NAME },
            httpFilters: [{
              name: "router",
              typedConfig: packAny("envoy.extensions.filters.http.router.v3.Router", {}),
            }],
          },
        ),
      },
    }),
    "envoy.config.route.v3.RouteConfiguration": packAny("envoy.config.route.v3.RouteConfiguration", {
      name: NAME,
      virtualHosts: [{ name: NAME, domains: ["*"], routes: [{ match: { prefix: "" }, route: { cluster: NAME } }] }],
    }),
    "envoy.config.cluster.v3.Cluster": packAny("envoy.config.cluster.v3.Cluster", {
      name: NAME,
      type: "EDS",
      edsClusterConfig: { edsConfig: ADS },
      lbPolicy: "ROUND_ROBIN",
    }),
    "envoy.config.endpoint.v3.ClusterLoadAssignment": packAny("envoy.config.endpoint.v3.ClusterLoadAssignment", {
      clusterName: NAME,
      endpoints: [{
        locality: { region: "here" },
        loadBalancingWeight: { value: 1 },
        lbEndpoints: [{
          endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue: port } } },
          loadBalancingWeight: { value: 1 },
          healthStatus: "HEALTHY",
        }],
      }],
    }),
  };
}

/** A control plane for one proxyless client of the bench: state of the world, plaintext. Returns its port. */
export async function startXdsServer(target: string, port: number): Promise<{ port: number } & AsyncDisposable> {
  const registry = new HandleRegistry();
  const byUrl = new Map(
    Object.entries(resources(target, port)).map(([name, any]) => [typeUrl(name as MessageName), any!]),
  );
  const grpc = new GrpcServer({ clock: systemClock, logger: silentLogger });
  grpc.bidi(
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
    async (requests, call) => {
      for await (const bytes of requests) {
        const request = decode("envoy.service.discovery.v3.DiscoveryRequest", bytes);
        const resource = byUrl.get(request.typeUrl ?? "");
        // An acknowledgement needs no answer: nothing ever changes.
        if (resource === undefined || (request.responseNonce ?? "") !== "") continue;
        await call.send(encode("envoy.service.discovery.v3.DiscoveryResponse", {
          versionInfo: "1",
          nonce: "1",
          typeUrl: request.typeUrl!,
          resources: [resource],
        }));
      }
    },
  );
  const connections = new Set<{ destroy(): void }>();
  const acceptor = await listen({ hostname: "127.0.0.1", port: 0 }, (connection) => {
    connections.add(connection);
    serveHttp2(connection.plaintext(), grpc.handler, { clock: systemClock, logger: silentLogger });
  }, { registry, clock: systemClock, logger: silentLogger });
  return {
    port: acceptor.addr.port,
    async [Symbol.asyncDispose]() {
      await acceptor.close();
      for (const connection of connections) connection.destroy();
      await registry.idle();
    },
  };
}
