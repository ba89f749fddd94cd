import type { HeaderList } from "../http/header_list.ts";
import type { Clock } from "../internal/clock.ts";
import { formatAddress } from "../internal/socket_address.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { HealthCheck } from "../resource/health_check.ts";
import { compileHeaderMutations } from "../router/header_mutator.ts";
import type { ClusterMetrics } from "./cluster_metrics.ts";
import { GrpcHealthProbe } from "./grpc_health_probe.ts";
import { healthCheckInfo } from "./health_check_info.ts";
import type { HealthProbe } from "./health_probe.ts";
import { HealthRequests } from "./health_request.ts";
import { UpstreamHost } from "./host.ts";
import type { HostConnector } from "./host_connector.ts";
import { HttpHealthProbe } from "./http_health_probe.ts";
import { TcpHealthProbe } from "./tcp_health_probe.ts";
import { matchTransportSocket } from "./transport_socket.ts";

/** What {@linkcode createHealthProbe} works with. */
export interface HealthProbeDeps {
  readonly connector: HostConnector;
  readonly clock: Clock;
  readonly metrics: ClusterMetrics;
  /** Called when a kept connection goes between two checks. */
  readonly onBroken: () => void;
}

/** The probe for one host: where it connects to and in what transport, by the cluster, the check and the endpoint. */
export function createHealthProbe(
  cluster: Cluster,
  check: HealthCheck,
  host: UpstreamHost,
  { connector, clock, metrics, onBroken }: HealthProbeDeps,
): HealthProbe {
  const { what, alpn, reuseConnection } = check;
  const target = checkedHost(cluster, check, host);
  if (what.kind === "tcp") {
    const connect = (signal: AbortSignal) => connector.connect(cluster, target, { alpn, proxied: null, signal });
    return new TcpHealthProbe({ what, reuseConnection, connect, onBroken });
  }
  const protocol = what.kind === "grpc" ? "http2" : what.protocol;
  const requests = new HealthRequests(
    (signal) => connector.openBesidePools(cluster, target, protocol, alpn, signal),
    reuseConnection,
  );
  const own = host.endpoint.healthCheck?.hostname ?? "";
  const authority = own || (what.kind === "grpc" ? what.authority : what.host) || cluster.name;
  const secure = target.transport.kind === "tls";
  const mutate = compileHeaderMutations([what.headers]).request;
  const changeHeaders = (headers: HeaderList) =>
    mutate?.(headers, healthCheckInfo(cluster.name, host.key, clock.now()));
  return what.kind === "grpc"
    ? new GrpcHealthProbe({
      serviceName: what.serviceName,
      authority,
      secure,
      timeoutMs: check.timeoutMs,
      requests,
      changeHeaders,
    })
    : new HttpHealthProbe({
      what,
      authority,
      secure,
      requests,
      changeHeaders,
      onServiceName: () => metrics.count("verify_cluster"),
    });
}

/** The host as it is checked: another port, address or transport than traffic's where that is configured. */
function checkedHost(cluster: Cluster, check: HealthCheck, host: UpstreamHost): UpstreamHost {
  const { endpoint } = host;
  const address = endpoint.healthCheck?.address ?? endpoint.address;
  const port = endpoint.healthCheck?.port || endpoint.port;
  const transport = check.transportSocketMatch === null
    ? host.transport
    : matchTransportSocket(cluster, check.transportSocketMatch);
  const key = formatAddress({ hostname: address, port });
  return new UpstreamHost({ ...endpoint, address, port, key }, transport, key);
}
