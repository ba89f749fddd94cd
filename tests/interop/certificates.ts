import type { CertificateAuthority } from "../../lib/testing/mod.ts";
import type { CertificateFiles } from "./envoy_config.ts";

/** SPIFFE id of a service account of the namespace `default`. */
export function principal(name: string, trustDomain = "cluster.local"): string {
  return `spiffe://${trustDomain}/ns/default/sa/${name}`;
}

/** Writes a workload's certificate, key and root into files of a folder: peers read nothing else. */
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
