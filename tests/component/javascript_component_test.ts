/** A component written in JavaScript, built here: an engine inside of the sandbox, and the same world. */
import assert from "node:assert/strict";
import { buildJavaScript } from "../../tools/filters/build.ts";
import { ComponentRig } from "../support/component_rig.ts";

// Built before the tests: native code of the tool reads files behind the back of the sanitizers.
const component = new Uint8Array(await buildJavaScript("path_guard"));
const source = `
export const handler = {
  configure() {},
  onRequest(_call, { path }) {
    if (path === "/panic") throw new Error("Oh no");
    const text = JSON.stringify({ now: Date.now(), random: Math.random(), environment: globalThis.process?.env ?? null });
    const body = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return { tag: "respond", val: { status: 200, headers: [], body } };
  },
  onResponse: () => ({ tag: "proceed", val: [] }),
};`;
const withWasi = new Uint8Array(await buildJavaScript(`data:text/javascript,${encodeURIComponent(source)}`, false));

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

Deno.test("a component with WASI gets a clock, random numbers and a log, and nothing else", async () => {
  await using rig = await ComponentRig.load({ component: withWasi, name: "w" });
  await rig.clock.advance(1234);
  const { status, text } = await rig.send();
  assert.equal(status, 200, rig.log.toString());
  const { now, random, environment } = JSON.parse(text);
  assert.equal(now, rig.clock.now());
  assert.ok(random >= 0 && random < 1);
  assert.equal(environment, null);
  // The engine's own last words go to the standard error.
  assert.equal((await rig.send({ path: "/panic" })).status, 503);
  assert.ok(rig.log.find(/^Filter 'w': .*message: Some\("Oh no"\)/), rig.log.toString());
});
