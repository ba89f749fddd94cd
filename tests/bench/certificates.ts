import type { FakeIstiod } from "../../lib/testing/mod.ts";
import type { Ground } from "./http/path.ts";

/** Writes a certificate of the mesh's CA for the programs that read files: Envoy, grpc-js, the floor. */
export async function certificateFiles(istiod: FakeIstiod, folder: string): Promise<Ground["certificates"]> {
  const { chain, key, root } = await istiod.authority.issue({ uriSans: ["spiffe://cluster.local/ns/default/sa/echo"] });
  const files = { chain: `${folder}/chain.pem`, key: `${folder}/key.pem`, root: `${folder}/root.pem` };
  await Deno.writeTextFile(files.chain, chain);
  await Deno.writeTextFile(files.key, key, { mode: 0o600 });
  await Deno.writeTextFile(files.root, root);
  return files;
}
