/** What both sides of the Envoy tests need: a workload of ours, a client outside of the mesh. */
import { Mesh } from "../../mod.ts";
import type { FakeIstiod } from "../../lib/testing/mod.ts";

/** The server name a client sidecar sends to the Service `echo`. */
export const SNI = "outbound_.80_._.echo.default.svc.cluster.local";

/** Joins as a workload on loopback. */
export async function joinAs(istiod: FakeIstiod, name: string): Promise<Mesh> {
  const workload = await istiod.workload({
    name,
    namespace: "default",
    serviceAccount: name,
    ip: "127.0.0.1",
    labels: { app: name, "security.istio.io/tlsMode": "istio" },
  });
  return await Mesh.join({ ...workload, env: {}, admin: false, logger: { log: () => {} } });
}

/** Asks from outside of the mesh. */
export async function get(url: string, init?: RequestInit): Promise<{ status: number; text: string }> {
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text() };
}

/** How many connections a mesh has refused for a reason. */
export function refusals(mesh: Mesh, direction: "inbound" | "outbound", reason: string): number {
  const line = `enmesh_refused_connections_total{direction="${direction}",reason="${reason}"} `;
  return Number(mesh.metrics().split("\n").find((text) => text.startsWith(line))?.slice(line.length) ?? 0);
}
