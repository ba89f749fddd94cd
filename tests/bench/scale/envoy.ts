import { type RunningEnvoy, startEnvoy } from "../../interop/envoy.ts";
import { until } from "../../support/until.ts";

const CONTROL_PLANE = "control-plane";

function grpc(cluster: string): unknown {
  return { envoy_grpc: { cluster_name: cluster } };
}

function toControlPlane(name: string, port: number): unknown {
  return {
    name,
    type: "STATIC",
    connect_timeout: "5s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{
        lb_endpoints: [{
          endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
        }],
      }],
    },
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni: "localhost",
        common_tls_context: { alpn_protocols: ["h2"] },
      },
    },
  };
}

/** Starts an Envoy that is configured over delta ADS as a sidecar is, and waits until it knows so many clusters. */
export async function startEnvoyClient(port: number, clusters: number): Promise<RunningEnvoy> {
  const envoy = await startEnvoy({
    node: { id: "sidecar~127.0.0.1~envoy.default~default.svc.cluster.local", cluster: "envoy.default" },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{
          ...grpc(CONTROL_PLANE) as object,
          initial_metadata: [{ key: "x-plain-envoy", value: "1" }],
        }],
      },
      cds_config: { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" },
      lds_config: { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" },
    },
    static_resources: { clusters: [toControlPlane(CONTROL_PLANE, port), toControlPlane("sds-grpc", port)] },
  });
  await until(`Envoy has ${clusters} clusters`, async () => {
    const stats = await (await fetch(`${envoy.admin}/stats?filter=cluster_manager.active_clusters|rds.*update_success`))
      .text();
    const active = Number(/active_clusters: (\d+)/.exec(stats)?.[1] ?? 0);
    const routes = Number(/rds\..*update_success: (\d+)/.exec(stats)?.[1] ?? 0);
    return active >= clusters && routes > 0;
  });
  return envoy;
}
