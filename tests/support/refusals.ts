import type { Mesh } from "../../mod.ts";

/** How many connections that mesh has refused in that direction for that reason. */
export function refusals(mesh: Mesh, direction: "inbound" | "outbound", reason: string): number {
  const line = `enmesh_refused_connections_total{direction="${direction}",reason="${reason}"} `;
  const found = mesh.metrics().split("\n").find((each) => each.startsWith(line));
  return found === undefined ? 0 : Number(found.slice(line.length));
}
