/** Who imports what: a user without components never downloads jco (108 MB of packages). */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

async function graph(entry: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-lock", entry],
    cwd: ROOT,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const { modules, npmPackages } = JSON.parse(new TextDecoder().decode(stdout));
  return JSON.stringify([modules, npmPackages]);
}

Deno.test("nothing that mod.ts, testing or cli import reaches components or jco", async () => {
  for (const entry of ["mod.ts", "lib/testing/mod.ts", "lib/cli/main.ts"]) {
    const modules = await graph(entry);
    assert.ok(modules.includes("protobufjs"), "the graph names packages");
    assert.equal(/bytecodealliance|jco|lib\/component\//.exec(modules), null, entry);
  }
});

Deno.test("the export for components loads jco in its worker only", async () => {
  assert.equal(/bytecodealliance/.exec(await graph("lib/component/mod.ts")), null);
  assert.ok((await graph("lib/component/transpile_worker.ts")).includes("@bytecodealliance/jco-transpile@0.12.1"));
});
