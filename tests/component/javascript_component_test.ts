/** A component written in JavaScript, built here: an engine inside of the sandbox, and the same world. */
import assert from "node:assert/strict";
import { buildJavaScript } from "../../tools/filters/build.ts";
import { ComponentRig } from "../support/component_rig.ts";

// Built before the tests: native code of the tool reads files behind the back of the sanitizers.
const component = new Uint8Array(await buildJavaScript("path_guard"));

Deno.test("a component in JavaScript guards paths, logs, and reads its configuration", async () => {
  await using rig = await ComponentRig.load({
    component,
    name: "guard",
    config: ["/admin", "/internal"],
    direction: "inbound",
  });
  const open = await rig.send({ path: "/reviews" });
  assert.equal(open.status, 200);
  assert.equal(open.request.headers.get("x-guarded-by"), "path_guard");
  for (let i = 0; i < 3; i++) {
    const closed = await rig.send({ path: "/admin/users" });
    assert.deepEqual([closed.status, closed.text], [403, "/admin is closed\n"]);
  }
  assert.ok(rig.log.find(/Filter 'guard': somebody asked for \/admin\/users/));
});

Deno.test("what it throws as the error of a result is one, what it throws otherwise is a trap", async () => {
  await assert.rejects(ComponentRig.load({ component, config: "{" }), /it refuses its configuration: '\{' is no JSON/);
  await using rig = await ComponentRig.load({ component, config: "7" });
  assert.equal((await rig.send()).status, 503);
  assert.ok(rig.log.find(/has failed/));
});
