import assert from "node:assert/strict";
import type { ComponentFilterOptions } from "../../lib/component/mod.ts";
import { BytesBody, QueueBody, readAll } from "../../lib/http/body.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { ComponentRig, response } from "../support/component_rig.ts";
import { watComponent } from "../support/wat_component.ts";

const built = (name: string) => Deno.readFile(new URL(`../../filters/component/${name}.wasm`, import.meta.url));
const bytes = (text: string) => new TextEncoder().encode(text);
const open = () => new QueueBody(null, { consumed() {}, cancelled() {} });

/** `result` with the discriminants given, at 1536, whose first string is at 2048 with that length. */
const result = (discriminants: string, length = 0) =>
  `(i32.store (i32.const 1536) (i32.const ${discriminants.split(" ")[0]}))
   (i32.store8 (i32.const 1540) (i32.const ${discriminants.split(" ")[1] ?? 0}))
   (i32.store (i32.const 1544) (i32.const 2048)) (i32.store (i32.const 1548) (i32.const ${length}))
   (i32.const 1536)`;

Deno.test("a component in C tags requests and responses, answers, and refuses", async () => {
  await using rig = await ComponentRig.load({ component: await built("header_tag"), name: "tag", config: "me" });
  const { status, headers, request } = await rig.send({ headers: new HeaderList(["x-odd", "\xff\x00"]) });
  assert.equal(status, 200);
  assert.deepEqual(request.headers.pairs, ["x-odd", "\xff\x00", "x-tagged-by", "me"]);
  assert.deepEqual(headers.pairs, ["x-tagged-by", "me"]);

  const forbidden = await rig.send({ path: "/forbidden/a", upstream: () => assert.fail("reached the upstream") });
  assert.deepEqual([forbidden.status, forbidden.text], [403, "forbidden by header_tag\n"]);
  assert.equal(forbidden.headers.get("content-length"), "24");
  assert.equal(forbidden.call.responseCodeDetails, "wasm_response");
  assert.equal(rig.log.find(/Filter 'tag': refused a request/), "Filter 'tag': refused a request");

  const malformed = await rig.send({ path: "/malformed" });
  assert.equal(malformed.status, 400);
  assert.ok(rig.log.find(/Filter 'tag' refuses a request \(malformed\): this path is never right/));
});

Deno.test("bytes of headers survive, whatever they are", async () => {
  // Appends the first field of the request to it again.
  const component = await watComponent({
    onRequest: `
      (i32.store8 (i32.const 3000) (i32.const 1))
      (memory.copy (i32.const 3004) (local.get $headers) (i32.const 16))
      (i32.store (i32.const 1544) (i32.const 3000)) (i32.store (i32.const 1548) (i32.const 1)) (i32.const 1536)`,
  });
  await using rig = await ComponentRig.load({ component });
  const value = String.fromCharCode(...Array.from({ length: 128 }, (_, i) => i + 128));
  const { request } = await rig.send({ headers: new HeaderList(["x-bytes", value]) });
  assert.deepEqual(request.headers.pairs, ["x-bytes", value, "x-bytes", value]);
});

Deno.test("a body filter sees whole bodies and chunks, and changes what goes on", async () => {
  await using rig = await ComponentRig.load({ component: await built("digit_mask") });
  const whole = await rig.send({ upstream: () => response(200, ["content-length", "7"], "a1b22c3") });
  assert.deepEqual([whole.text, whole.headers.get("content-length")], ["a#b##c#", "7"]);
  const streamed = await rig.send({
    body: new BytesBody(bytes("1234")),
    upstream: async ({ body }) => {
      assert.deepEqual(await readAll(body), bytes("1234"));
      const chunks = open();
      // Behind the head of the response, so that it is a stream that passes.
      setTimeout(() => {
        for (const chunk of ["no ", "12", "", " 3"]) chunks.push(bytes(chunk));
        chunks.end();
      }, 0);
      return response(200, ["content-length", "7"], chunks);
    },
  });
  assert.equal(streamed.text, "no ## #");
  assert.equal(streamed.headers.get("content-length"), undefined, "the length of a filtered stream is not known");
});

Deno.test("calls end with on-done, once each", async () => {
  const component = await watComponent({
    data: "done",
    bodies: { done: "(call $log (i32.const 1) (i32.const 2048) (i32.const 4))" },
  });
  await using rig = await ComponentRig.load({ component });
  await rig.send();
  await rig.send({ upstream: () => Promise.reject(new Error("Gone")) });
  assert.equal(rig.log.lines.filter(({ message }) => message === "Filter 'component': done").length, 2);
});

Deno.test("properties are asked for by Envoy's names", async () => {
  // Answers with the property whose name is at 2048: option at 3000, value's discriminant at 3008, string at 3016.
  const component = await watComponent({
    data: "request.method",
    onRequest: `
      (call $property (i32.const 2048) (i32.const 14) (i32.const 3000))
      (i32.store8 (i32.const 1540) (i32.const 1)) (i32.store16 (i32.const 1544) (i32.const 200))
      (i32.store (i32.const 1548) (i32.const 4)) (i32.store (i32.const 1552) (i32.const 0))
      (i32.store (i32.const 1556) (i32.load (i32.const 3016))) (i32.store (i32.const 1560) (i32.load (i32.const 3020)))
      (i32.const 1536)`,
  });
  await using rig = await ComponentRig.load({ component });
  assert.equal((await rig.send({ method: "PATCH" })).text, "PATCH");
});

const TRAPS: Record<string, Parameters<typeof watComponent>[0]> = {
  "on-request": { onRequest: "unreachable" },
  "on-response": { onResponse: "unreachable" },
  "a pointer out of bounds": { onRequest: "i32.const -4" },
  "a list without end": { onRequest: result("0 0", -1) },
  "a discriminant of nothing": { onRequest: result("7 0") },
  "a property's name out of bounds": {
    onRequest: "(call $property (i32.const -64) (i32.const 128) (i32.const 1600)) (i32.const 1024)",
  },
  "on-request-body": { bodies: { request: "unreachable" } },
  "on-response-body": { bodies: { response: "unreachable" } },
  "stack overflow": { globals: "(func $deep call $deep)", onRequest: "call $deep i32.const 1024" },
  "memory beyond the limit": {
    onRequest: "(if (i32.eq (memory.grow (i32.const 1024)) (i32.const -1)) (then unreachable)) (i32.const 1024)",
  },
};

for (const [name, filter] of Object.entries(TRAPS)) {
  Deno.test(`trap: ${name}`, async () => {
    const component = await watComponent(filter);
    const send = (rig: ComponentRig) =>
      rig.send({
        body: new BytesBody(bytes("ab")),
        upstream: async (request) => response(200, [], new BytesBody((await readAll(request.body))!)),
      });
    await using closed = await ComponentRig.load({ component, name: "x" });
    for (let i = 0; i < 3; i++) {
      const answer = await send(closed);
      assert.deepEqual([answer.status, answer.call.responseCodeDetails], [503, "wasm_fail_stream"]);
    }
    assert.equal(closed.log.lines.filter(({ message }) => /Filter 'x' has failed/.test(message)).length, 1);
    await using open = await ComponentRig.load({ component, failPolicy: "fail_open" });
    for (let i = 0; i < 3; i++) assert.deepEqual([(await send(open)).text, (await send(open)).status], ["ab", 200]);
  });
}

Deno.test("a trap in on-done ends the instance, no request", async () => {
  const component = await watComponent({ bodies: { done: "unreachable" } });
  await using rig = await ComponentRig.load({ component });
  assert.equal((await rig.send()).status, 200);
  assert.equal((await rig.send()).status, 503);
});

Deno.test("fail_reload makes another instance after a while, later and later", async () => {
  const component = await watComponent({
    onRequest: `(if (i32.eq (local.get $pathlen) (i32.const 5)) (then unreachable)) (i32.const 1024)`,
  });
  await using rig = await ComponentRig.load({ component, failPolicy: "fail_reload" });
  const status = async (path: string) => (await rig.send({ path })).status;
  const until = async (ms: number) => {
    await rig.clock.advance(ms - 1);
    assert.equal(await status("/"), 503);
    await rig.clock.advance(1);
    assert.equal(await status("/"), 200);
  };
  assert.equal(await status("/"), 200);
  assert.equal(await status("/trap"), 503);
  await until(750);
  assert.equal(await status("/trap"), 503);
  await until(1500);
  await rig.clock.advance(20_000);
  assert.equal(await status("/trap"), 503);
  await until(750);
  await rig.loaded.close();
});

Deno.test("an instance that fails meanwhile fails the calls it has seen, and no others", async () => {
  const component = await watComponent({
    onRequest: `(if (i32.eq (local.get $pathlen) (i32.const 5)) (then unreachable)) (i32.const 1024)`,
  });
  await using rig = await ComponentRig.load({ component, failPolicy: "fail_reload" });
  const gate = Promise.withResolvers<void>();
  const held = rig.send({ upstream: () => gate.promise.then(() => response()) });
  await rig.send({ path: "/trap" });
  await rig.clock.advance(1000);
  assert.equal((await rig.send()).status, 200);
  gate.resolve();
  assert.equal((await held).status, 503);
});

Deno.test("an error is no trap: the policy decides on that request", async () => {
  const component = await watComponent({ data: "no luck", onRequest: result("1 2", 7) });
  await using closed = await ComponentRig.load({ component });
  for (let i = 0; i < 2; i++) assert.equal((await closed.send()).status, 503);
  assert.ok(closed.log.find(/refuses a request \(internal\): no luck/));
  await using open = await ComponentRig.load({ component, failPolicy: "fail_open" });
  assert.equal((await open.send()).status, 200);
});

Deno.test("changes that would break a message count as a failure, and none of them is made", async (t) => {
  const changes: [kind: number, name: string, value: string][] = [
    [0, "x-a", "b\r\nc: d"],
    [0, "bad name", "x"],
    [1, "connection", "close"],
    [0, "Host", "x"],
    [0, "content-length", "1"],
    [2, "content-length", ""],
    [0, ":path", "no-slash"],
    [0, ":status", "200"],
    [0, ":scheme", "https"],
    [1, ":path", "/"],
  ];
  for (const [kind, name, value] of changes) {
    await t.step(`${["set", "append", "remove"][kind]} ${name}`, async () => {
      // A change that is right, and the wrong one behind it: 20 bytes each at 3000.
      const word = (at: number, value: number) => `(i32.store (i32.const ${at}) (i32.const ${value}))`;
      const escaped = value.replaceAll("\r", "\\0d").replaceAll("\n", "\\0a");
      const component = await watComponent({
        data: `x-fine${name}${escaped}`,
        onRequest: [
          ...[word(3000, 1), word(3004, 2048), word(3008, 6), word(3012, 2048), word(3016, 6)],
          ...[word(3020, kind), word(3024, 2054), word(3028, name.length)],
          ...[word(3032, 2054 + name.length), word(3036, value.length)],
          ...[word(1544, 3000), word(1548, 2), "(i32.const 1536)"],
        ].join(" "),
      });
      await using rig = await ComponentRig.load({ component });
      assert.equal((await rig.send()).status, 503);
      assert.ok(rig.log.find(/Filter 'component' is wrong about a message: Cannot change the head/));
      await using open = await ComponentRig.load({ component, failPolicy: "fail_open" });
      const { status, request } = await open.send();
      assert.equal(status, 200);
      assert.deepEqual(request.headers.pairs, []);
    });
  }
});

Deno.test("a loop is stopped by the limit of time, at load as well", async () => {
  const loop = "(loop $for_ever (br $for_ever))";
  const component = await watComponent({ onRequest: `${loop} (i32.const 1024)` });
  await using rig = await ComponentRig.load({ component, timeLimit: 20 });
  const start = performance.now();
  assert.equal((await rig.send()).status, 503);
  assert.ok(performance.now() - start < 1000);
  assert.match(rig.log.toString(), /has failed \(It took longer than '20' ms\)/);
  const atLoad = await watComponent({ configure: `${loop} (i32.const 1024)` });
  await assert.rejects(ComponentRig.load({ component: atLoad, timeLimit: 20 }), /it took longer than '20' ms/);
});

Deno.test("a filter cannot write lines that look like others", async () => {
  const component = await watComponent({
    data: "a\\0aerror: b",
    onRequest: "(call $log (i32.const 3) (i32.const 2048) (i32.const 10)) (i32.const 1024)",
  });
  await using rig = await ComponentRig.load({ component });
  await rig.send();
  assert.deepEqual(rig.log.lines, [{ level: "error", message: "Filter 'component': a error: b" }]);
});

Deno.test("what is no filter is refused with the reason", async (t) => {
  const { parse } = await import("@bytecodealliance/jco-transpile/wasm-tools");
  const wat = async (text: string) => new Uint8Array(await parse(text));
  const cases: [string, ComponentFilterOptions, RegExp][] = [
    ["text", { component: bytes("hello") as Uint8Array<ArrayBuffer> }, /Cannot use the component filter 'component': /],
    ["a core module", { component: await wat("(module)") }, /Cannot use/],
    ["a component without exports", { component: await wat("(component)") }, /does not export 'enmesh:filter\/handler/],
    [
      "an import that is not there",
      { component: await wat('(component (import "wasi:cli/environment@0.2.0" (instance)))') },
      /Cannot use/,
    ],
    ["its configuration", { component: await built("header_tag") }, /refuses its configuration: it is empty/],
    ["a trap at load", { component: await watComponent({ configure: "unreachable" }) }, /unreachable/],
    ["too much memory", { component: await watComponent({ pages: 2000 }) }, /it wants '131072000' bytes/],
  ];
  for (const [name, options, reason] of cases) {
    await t.step(name, async () => {
      await assert.rejects(ComponentRig.load(options), (error: Error & { code?: string }) => {
        assert.equal(error.code, "CONFIG_INVALID");
        assert.match(error.message, reason);
        return true;
      });
    });
  }
});

Deno.test("an answer that names the same memory over and over is not copied beyond the limit of memory", async () => {
  // 3,000 changes, each of which sets a header to the whole memory of 128 KiB: 375 MiB if it were taken.
  const component = await watComponent({
    globals: "(global $i (mut i32) (i32.const 0))",
    onRequest: `
      (global.set $i (i32.const 0))
      (loop $next
        (i32.store8 (i32.add (i32.const 65536) (i32.mul (global.get $i) (i32.const 20))) (i32.const 0))
        (i32.store (i32.add (i32.const 65548) (i32.mul (global.get $i) (i32.const 20))) (i32.const 0))
        (i32.store (i32.add (i32.const 65552) (i32.mul (global.get $i) (i32.const 20))) (i32.const 131072))
        (global.set $i (i32.add (global.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (global.get $i) (i32.const 3000))))
      (i32.store (i32.const 1544) (i32.const 65536)) (i32.store (i32.const 1548) (i32.const 3000)) (i32.const 1536)`,
  });
  await using rig = await ComponentRig.load({ component, memoryLimit: 4 << 20 });
  assert.equal((await rig.send()).status, 503);
  assert.match(rig.log.toString(), /has failed \(It answers with more than '4194304' bytes\)/);
});
