import assert from "node:assert/strict";
import { layeredEnvironment, processEnvironment, recordEnvironment } from "../../lib/bootstrap/environment.ts";
import { fileSystem } from "../../lib/bootstrap/file_source.ts";

Deno.test("a record shows its own variables and nothing inherited", () => {
  const env = recordEnvironment({ A_1: "x", A_2: "", B: "y" });
  assert.equal(env.get("A_1"), "x");
  assert.equal(env.get("toString"), undefined);
  assert.deepEqual(env.list("A_"), { A_1: "x", A_2: "" });
  assert.deepEqual(env.skipped, []);
});

Deno.test("layers: the first one on top, in lists too", () => {
  const env = layeredEnvironment([recordEnvironment({ P_A: "1" }), recordEnvironment({ P_A: "2", P_B: "3" })]);
  assert.equal(env.get("P_A"), "1");
  assert.equal(env.get("P_B"), "3");
  assert.deepEqual(env.list("P_"), { P_A: "1", P_B: "3" });
});

Deno.test({
  name: "the environment without any permission: nothing is set, what was asked for is remembered",
  permissions: { env: false },
  fn: () => {
    const env = processEnvironment();
    assert.equal(env.get("HOME"), undefined);
    assert.deepEqual(env.list("ISTIO_META_"), {});
    assert.deepEqual(env.skipped, ["HOME", "ISTIO_META_*"]);
  },
});

Deno.test({
  name: "the environment with single names: those are read, and listed once they were asked for",
  permissions: { env: ["ENMESH_TEST_A"] },
  fn: () => {
    const env = processEnvironment();
    assert.equal(env.get("ENMESH_TEST_A"), undefined);
    assert.equal(env.get("ENMESH_TEST_B"), undefined);
    assert.deepEqual(env.list("ENMESH_TEST_"), {});
    assert.deepEqual(env.skipped, ["ENMESH_TEST_B", "ENMESH_TEST_*"]);
  },
});

Deno.test("the whole environment is listed where it may be", () => {
  const env = processEnvironment();
  assert.equal(env.get("PATH"), Deno.env.get("PATH"));
  assert.ok("PATH" in env.list("PA"));
  assert.deepEqual(env.skipped, []);
});

Deno.test({
  name: "a file that may not be read is denied, not prompted for",
  permissions: { read: false },
  fn: async () => assert.deepEqual(await fileSystem.read("/etc/hostname"), { kind: "denied" }),
});

Deno.test("a file that is there, is missing, is a folder", async () => {
  const here = new URL(import.meta.url).pathname;
  assert.equal((await fileSystem.read(here)).kind, "text");
  assert.deepEqual(await fileSystem.read(`${here}.none`), { kind: "missing" });
  assert.equal((await fileSystem.read(here.slice(0, here.lastIndexOf("/")))).kind, "failed");
});
