/** The list of environment variables is what joining reads, no more and no less. */
import assert from "node:assert/strict";
import { loadBootstrap, meshEnabled } from "../../lib/bootstrap/bootstrap.ts";
import { recordEnvironment } from "../../lib/bootstrap/environment.ts";
import { recordFiles } from "../../lib/bootstrap/file_source.ts";
import { LIBRARY_VARIABLES, LISTED_PREFIXES, METADATA_VARIABLES, VARIABLES } from "../../lib/bootstrap/variables.ts";
import { POD } from "./fixture.ts";

Deno.test("every variable that is read is listed, and every listed one is read", async () => {
  const names = new Set<string>();
  const prefixes = new Set<string>();
  const load = async (variables: Record<string, string>) => {
    const record = recordEnvironment({ POD_NAME: "cart-1", ...variables });
    const env = {
      get: (name: string) => (names.add(name), record.get(name)),
      list: (prefix: string) => (prefixes.add(prefix), record.list(prefix)),
      skipped: [],
    };
    assert.equal(meshEnabled({}, env), true);
    await loadBootstrap({}, { env, files: recordFiles(POD) });
  };
  await load({});
  await load({ FILE_MOUNTED_CERTS: "true", CA_ROOT_CA: "SYSTEM" });
  assert.deepEqual([...names].sort(), [...VARIABLES, ...METADATA_VARIABLES].sort());
  assert.deepEqual([...prefixes].sort(), [...LISTED_PREFIXES]);
});

Deno.test("one name of --allow-env grants all variables of the gRPC library", () => {
  assert.deepEqual(LIBRARY_VARIABLES.grpc.filter((name) => !name.startsWith("GRPC_")), []);
});
