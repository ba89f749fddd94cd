import type { Endpoint } from "../../resource/endpoint.ts";
import type { Snapshot } from "../../resource/snapshot.ts";
import { type CheckResult, result } from "../check.ts";

const LABEL = "security.istio.io/tlsMode: istio";

/**
 * Looks for this workload among the endpoints of the mesh: peers send mutual TLS to it when its entry says
 * `tlsMode: istio` (Istio's `transport_socket_match`), plaintext when not, and nothing when it is not there.
 */
export function checkOwnEndpoint(snapshot: Snapshot, ips: readonly string[]): CheckResult {
  const ours = ownEndpoints(snapshot, new Set(ips));
  const at = ips.join("', '");
  if (ours.size === 0) {
    return result(
      "own endpoint",
      "warning",
      `No service has an endpoint at '${at}': peers cannot find this workload`,
      "Fine for a program that only calls others; else check the selector of the Service, that the pod is ready, and " +
        "INSTANCE_IP",
    );
  }
  const plain = [...ours.values()].filter((endpoint) => !takesMutualTls(endpoint)).map(({ key }) => key);
  if (plain.length === 0) {
    return result("own endpoint", "ok", `Peers send mutual TLS to '${[...ours.keys()].join("', '")}'`);
  }
  return result(
    "own endpoint",
    "failed",
    `Peers send plaintext to '${plain.join("', '")}': the endpoint says nothing of mutual TLS`,
    `Give the pod (or WorkloadEntry) the label ${LABEL}`,
  );
}

function ownEndpoints(snapshot: Snapshot, ips: ReadonlySet<string>): Map<string, Endpoint> {
  const found = new Map<string, Endpoint>();
  for (const name of snapshot.clusterNames) {
    const service = snapshot.cluster(name)?.edsServiceName;
    const assignment = service ? snapshot.endpoints(service) : null;
    for (const { endpoints } of assignment?.localities ?? []) {
      for (const endpoint of endpoints) if (ips.has(endpoint.address)) found.set(endpoint.key, endpoint);
    }
  }
  return found;
}

function takesMutualTls({ metadata }: Endpoint): boolean {
  return metadata["envoy.transport_socket_match"]?.tlsMode === "istio";
}
