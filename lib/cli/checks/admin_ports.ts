import type { Bootstrap } from "../../bootstrap/bootstrap.ts";
import { formatAddress, type SocketAddress } from "../../internal/socket_address.ts";
import { serveEndpoint } from "../../transport/http_endpoint.ts";
import { type CheckResult, result } from "../check.ts";

/** Whether the ports of metrics, probes and the admin interface are free: opens each and closes it. */
export async function checkAdminPorts({ ports }: Bootstrap): Promise<CheckResult> {
  const wanted: SocketAddress[] = [ports.status, ports.readiness, ports.prometheus]
    .filter((port) => port !== false)
    .map((port) => ({ hostname: "0.0.0.0", port }));
  if (ports.admin !== false) wanted.push(ports.admin);
  if (wanted.length === 0) return result("admin ports", "skipped", "No port is listened on: all are switched off");
  for (const address of wanted) {
    try {
      const endpoint = serveEndpoint(address, () => new Response(null, { status: 404 }));
      await endpoint.close();
    } catch (error) {
      return result(
        "admin ports",
        "failed",
        (error as Error).message,
        "End the program that listens there (this workload itself, if it runs), or set ENVOY_STATUS_PORT, " +
          "ENVOY_PROMETHEUS_PORT, ProxyConfig 'statusPort' or 'proxyAdminPort'",
      );
    }
  }
  return result("admin ports", "ok", `Free: '${wanted.map(formatAddress).join("', '")}'`);
}
