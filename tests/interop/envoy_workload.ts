/** What both sides of the Envoy tests need: certificates for Envoy, a workload of ours, a client outside of the mesh. */
import { Mesh } from "../../mod.ts";
import type { CertificateAuthority, FakeIstiod } from "../../lib/testing/mod.ts";
import type { CertificateFiles } from "./envoy_config.ts";

/** The server name a client sidecar sends to the Service `echo`. */
export const SNI = "outbound_.80_._.echo.default.svc.cluster.local";
/** The SPIFFE id of a service account. */
export const principal = (name: string, trustDomain = "cluster.local") =>
  `spiffe://${trustDomain}/ns/default/sa/${name}`;

/** Writes a new certificate of a service account into files for Envoy. */
export async function certificates(
  ca: CertificateAuthority,
  name: string,
  folder: string,
  trustDomain?: string,
): Promise<CertificateFiles> {
  const { chain, key, root } = await ca.issue({ uriSans: [principal(name, trustDomain)] });
  const prefix = await Deno.makeTempFile({ dir: folder });
  const files = { chain: `${prefix}.chain.pem`, key: `${prefix}.key.pem`, root: `${prefix}.root.pem` };
  await Deno.writeTextFile(files.chain, chain);
  await Deno.writeTextFile(files.key, key);
  await Deno.writeTextFile(files.root, root);
  return files;
}

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
