/**
 * What guarding costs: an entry into a module that does nothing, the whole life of a stream, and the memory of 1,000
 * instances, each in the runtimes `v8` and `guarded`.
 *
 * Run: `deno run -A tests/bench/wasm_guarded.ts`
 */
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest } from "../../lib/http/message.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { chooseRuntimes } from "../../lib/proxy_wasm/runtime/choose_runtimes.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { pluginConfig, proxyModule, TestEnvironment, wasmHost } from "../support/wasm_rig.ts";

const MODULE = proxyModule(
  `(import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
   (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))`,
  `(data (i32.const 0) ":path") (data (i32.const 16) "user-agent") (data (i32.const 32) "x-request-id")
   (data (i32.const 64) "x-wasm") (data (i32.const 80) "hello from wasm")
   (func (export "nothing"))
   (func (export "proxy_on_context_create") (param i32 i32))
   (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
     (global.set $heap (i32.const 4096))
     (drop (call $get (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 1024) (i32.const 1028)))
     (drop (call $get (i32.const 0) (i32.const 16) (i32.const 10) (i32.const 1024) (i32.const 1028)))
     (drop (call $get (i32.const 0) (i32.const 32) (i32.const 12) (i32.const 1024) (i32.const 1028)))
     (i32.const 0))
   (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
     (drop (call $add (i32.const 2) (i32.const 64) (i32.const 6) (i32.const 80) (i32.const 15)))
     (i32.const 0))
   (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
   (func (export "proxy_on_log") (param i32))
   (func (export "proxy_on_delete") (param i32))`,
);
const INSTANCES = 1000;

/** Microseconds of one round of a task: the best of seven runs. */
async function measure(rounds: number, task: () => void | Promise<void>): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < 7; run++) {
    const start = performance.now();
    for (let i = 0; i < rounds; i++) await task();
    best = Math.min(best, (performance.now() - start) / rounds * 1000);
  }
  return best;
}

async function entry(runtime: string): Promise<number> {
  const engine = chooseRuntimes().get(runtime)!;
  const instance = engine.instantiate(await engine.compile(MODULE), { env: { ...NOTHING } });
  const call = instance.function("nothing")!;
  const { guard } = instance;
  let best = Infinity;
  const rounds = 20_000;
  for (let run = 0; run < 7; run++) {
    const start = performance.now();
    for (let i = 0; i < rounds; i++) guard === null ? call() : guard(call);
    best = Math.min(best, (performance.now() - start) / rounds * 1000);
  }
  return best;
}

const NOTHING = { proxy_get_header_map_value: () => 0, proxy_add_header_map_value: () => 0 };

async function life(runtime: string): Promise<number> {
  const environment = new TestEnvironment();
  const host = wasmHost({ ...environment, logger: silentLogger, clock: environment.clock });
  const config = pluginConfig(MODULE, { vm: { runtime } });
  const lease = host.acquire(config);
  await lease.handle.settled;
  if (lease.handle.root === null) throw new Error(`Cannot measure: ${environment.lines.join("; ")}`);
  const respond = () => Promise.resolve({ status: 200, headers: new HeaderList(["server", "test"]), body: null });
  const layer = host.layer(config, "wasm")(respond);
  const once = (handler: typeof layer) => async () => {
    const request: HttpRequest = {
      method: "GET",
      scheme: "http",
      authority: "reviews.default:9080",
      path: "/productpage?id=12345",
      headers: new HeaderList(["accept", "*/*", "user-agent", "Deno", "x-request-id", "0f2ac0f1"]),
      body: null,
      protocol: "HTTP/1.1",
    };
    const exchange = new Exchange();
    await handler(request, new Call({ direction: "outbound", startTime: 0, request, exchange, downstream: null }));
    exchange.complete();
  };
  const rounds = runtime === "v8" ? 100_000 : 10_000;
  const filtered = await measure(rounds, once(layer)) - await measure(rounds, once(respond));
  lease.release();
  host.close();
  return filtered;
}

/** MiB of resident memory that instances take, each a VM of its own with its root. */
async function memory(runtime: string): Promise<number> {
  const host = wasmHost();
  const acquire = (i: number) => host.acquire(pluginConfig(MODULE, { vm: { vmId: `${i}`, runtime } }));
  const first = acquire(0);
  await first.handle.settled;
  await collectGarbage();
  const before = Deno.memoryUsage().rss;
  const leases = [first];
  for (let i = 1; i <= INSTANCES; i++) leases.push(acquire(i));
  for (const { handle } of leases) {
    await handle.settled;
    if (handle.root === null) throw new Error("Cannot measure: a plugin does not run");
  }
  await collectGarbage();
  const used = Deno.memoryUsage().rss - before;
  for (const lease of leases) lease.release();
  return used / 2 ** 20;
}

for (const runtime of ["v8", "guarded"]) {
  console.log(`${runtime.padEnd(8)} an entry                    ${(await entry(runtime)).toFixed(2)} us`);
  console.log(`${runtime.padEnd(8)} whole life of a stream      ${(await life(runtime)).toFixed(2)} us`);
  console.log(`${runtime.padEnd(8)} ${INSTANCES} instances              ${(await memory(runtime)).toFixed(1)} MiB`);
}
