import { MeshError } from "../errors.ts";
import type { Connector } from "../transport/connector.ts";

/**
 * Envoy (sidecar) and ztunnel (ambient) receive captured outbound traffic on this port of the pod's own loopback, in
 * every interception mode but NONE, which captures nothing. Nothing else listens there: enmesh captures in process.
 */
export const CAPTURE_PORT = 15001;

const TIMEOUT_MS = 200;

/** What was found. */
export type SidecarFinding = "none" | "present" | "unknown";

/**
 * Whether a sidecar or ztunnel captures the traffic of this pod: one connection to the loopback address, which capture
 * rules leave alone. `unknown` where the process may not connect there.
 */
export async function findSidecar(connector: Connector, port: number = CAPTURE_PORT): Promise<SidecarFinding> {
  const address = { hostname: "127.0.0.1", port };
  const permission = { name: "net", host: `${address.hostname}:${port}` } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") return "unknown";
  try {
    const stream = await connector.connect({ address, tls: null, connectTimeoutMs: TIMEOUT_MS });
    stream.destroy();
    return "present";
  } catch {
    return "none";
  }
}

/** The error for a mesh that would be joined twice: every request would be encrypted and routed a second time. */
export function sidecarPresent(): MeshError {
  return new MeshError(
    "SIDECAR_PRESENT",
    "Cannot join: a sidecar or ztunnel already captures the traffic of this pod",
    {
      problems: [{
        subject: `127.0.0.1:${CAPTURE_PORT}`,
        message: "something accepts connections on the port of captured traffic",
        hint:
          'Set the pod\'s labels sidecar.istio.io/inject: "false" and istio.io/dataplane-mode: none, or join with ' +
          "enabled: false and let the sidecar do it",
      }],
    },
  );
}
