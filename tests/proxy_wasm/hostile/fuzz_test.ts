/**
 * A module that does whatever it likes: every function of the host with random arguments, from every callback and from
 * the allocator, with random answers. `ENMESH_INTEROP_FULL=1` makes ten times as many calls, about a minute.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { BytesBody, QueueBody, readAll } from "../../../lib/http/body.ts";
import type { Call } from "../../../lib/http/call.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../../lib/http/message.ts";
import { guardedRuntime } from "../../../lib/proxy_wasm/runtime/guarded.ts";
import type { WasmRuntime } from "../../../lib/proxy_wasm/runtime/runtime.ts";
import { v8Runtime } from "../../../lib/proxy_wasm/runtime/v8.ts";
import { WasmHost } from "../../../lib/proxy_wasm/wasm_host.ts";
import { callOf, request as newRequest } from "../../support/calls.ts";
import { collectGarbage } from "../../support/collect_garbage.ts";
import { HostileFuzzer, SECRET } from "../../support/hostile_fuzzer.ts";
import { hostileModule, hostileRuntime } from "../../support/hostile_module.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { recorder } from "../../support/wasm_recorder.ts";
import { pluginConfig, TestEnvironment } from "../../support/wasm_rig.ts";

const CALLS = Deno.env.get("ENMESH_INTEROP_FULL") === "1" ? 150_000 : 15_000;
const GIVEN_UP = new Error("Cannot wait: the test gives up");
const MODULE = hostileModule();

const RUNTIMES: readonly [string, WasmRuntime][] = [
  ["v8", v8Runtime],
  // A budget that nothing here uses up: what the budget does is tested by itself.
  ["guarded", guardedRuntime({ budgetMs: 30_000, maxMemoryBytes: 4 * 65_536 })],
];

for (const [name, runtime] of RUNTIMES) {
  Deno.test(`a hostile module finds no way out (${name})`, async () => {
    const seed = Number(Deno.env.get("ENMESH_SEED") ?? 1);
    const random = seededRandom(seed);
    const fuzzer = new HostileFuzzer(random);
    const environment = new TestEnvironment();
    const hostile = hostileRuntime(runtime, fuzzer);
    const host = new WasmHost({ environment, runtimes: new Map([["v8", hostile], ["victim", v8Runtime]]) });
    const victim = pluginConfig(recorder({ requestHeaders: "(i32.const 1)" }), {
      configuration: Buffer.from(SECRET),
      vm: { vmId: "victim", runtime: "victim", environment: new Map([["SECRET", SECRET]]) },
    });
    const config = pluginConfig(MODULE, {
      failurePolicy: "reload",
      allowOnHeadersStopIteration: true,
      configuration: Buffer.from("configuration"),
      vm: { configuration: Buffer.from("vm configuration"), environment: new Map([["KEY", "value"]]) },
    });
    const victimLease = host.acquire(victim);
    const lease = host.acquire(config);
    await victimLease.handle.settled;
    await lease.handle.settled;
    fuzzer.armed = true;
    // A stream of another VM is under way all the time, with a secret in every place that has one.
    const secret = newRequest({ path: `/${SECRET}`, pairs: ["authorization", SECRET], body: body(SECRET, random) });
    const secretCall = callOf(secret);
    const waiting = host.layer(victim, "victim")(unreachable)(secret, secretCall);
    waiting.catch(() => {});

    const upstream = async (request: HttpRequest, call: Call): Promise<HttpResponse> => {
      await Promise.race([readAll(request.body), cancelled(call)]);
      const headers = new HeaderList(["content-type", "text/plain", "x-upstream", "1"]);
      return { status: 200, headers, body: random() < 0.3 ? null : body("response", random) };
    };
    const layer = host.layer(config, "hostile")(upstream);
    const send = async () => {
      const request = newRequest({
        method: "POST",
        path: "/path?query",
        pairs: ["accept", "*/*", "x-a", "1", "x-a", "2"],
        body: random() < 0.3 ? null : body("request", random),
      });
      const call = callOf(request);
      const done = layer(request, call).then(async (response) => {
        try {
          await Promise.race([readAll(response.body), cancelled(call)]);
        } finally {
          response.body?.cancel(GIVEN_UP);
        }
      });
      for (let i = 0; i < 30; i++) await Promise.resolve();
      call.exchange.cancel(GIVEN_UP);
      await done.catch((error) => fuzzer.rejected(error, GIVEN_UP));
      call.exchange.complete();
    };

    let heap = 0;
    while (fuzzer.calls < CALLS) {
      await Promise.all(Array.from({ length: 1 + Math.floor(random() * 3) }, send));
      const vm = lease.handle.root?.vm ?? null;
      if (vm !== null && !vm.busy) assert.equal(vm.size, 1, "streams that are over are gone");
      if (vm === null) fuzzer.failures++;
      // Timers of the module run, and after a failure a new VM is started.
      await environment.clock.advance(2000);
      environment.lines.length = 0;
      if (heap === 0 && fuzzer.calls > CALLS / 4) heap = await heapAfterCollection();
    }
    const grown = (await heapAfterCollection() - heap) / 2 ** 20;

    assert.deepEqual(fuzzer.problems, [], `seed ${seed}`);
    assert.ok(fuzzer.failures > 0 && fuzzer.succeeded > CALLS / 20, `${fuzzer.failures}, ${fuzzer.succeeded}`);
    assert.deepEqual(fuzzer.neverCalled, []);
    assert.ok(grown < 8, `the heap has grown by ${grown} MiB`);
    assert.equal(secret.headers.get("authorization"), SECRET);
    assert.equal(victimLease.handle.state, "running");
    secretCall.exchange.cancel(GIVEN_UP);
    await assert.rejects(waiting, GIVEN_UP);
    secretCall.exchange.complete();
    lease.release();
    victimLease.release();
    host.close();
    // A module that is not done yet has so long to become so.
    await environment.clock.advance(30_000);
    await Promise.resolve();
    assert.equal(environment.clock.pendingTimers, 0);
    assert.equal(host.vms, 0);
    await collectGarbage(() => fuzzer.alive() === 0);
    assert.equal(fuzzer.alive(), 0, "instances are collected");
  });
}

/** Rejects when the caller gives the call up, as codecs do. */
function cancelled({ exchange }: Call): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  exchange.onCancel(reject);
  return promise;
}

function body(text: string, random: () => number): BytesBody | QueueBody {
  const bytes = new TextEncoder().encode(text);
  const trailers = random() < 0.3 ? new HeaderList(["x-trailer", "1"]) : null;
  if (random() < 0.5) return new BytesBody(bytes, trailers);
  const queue = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
  queue.push(bytes);
  queue.push(bytes.slice());
  queue.end(trailers);
  return queue;
}

function unreachable(): Promise<HttpResponse> {
  return Promise.reject(new Error("Cannot be: nothing continues this request"));
}

async function heapAfterCollection(): Promise<number> {
  await collectGarbage();
  await collectGarbage();
  return Deno.memoryUsage().heapUsed;
}
