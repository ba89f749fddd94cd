/**
 * What a Proxy-Wasm module costs a request: the whole life of a stream in a hand-written module (create, request headers
 * with three reads, response headers with one addition, done, log, delete), directly and through the filter's layer.
 *
 * Run: `deno run -A tests/bench/wasm.ts`
 */
import { QueueBody } from "../../lib/http/body.ts";
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { V8Module, v8Runtime } from "../../lib/proxy_wasm/runtime/v8.ts";
import { Vm } from "../../lib/proxy_wasm/vm.ts";
import { pluginConfig, proxyModule, TestEnvironment, wasmHost } from "../support/wasm_rig.ts";

const MODULE = proxyModule(
  `(import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
   (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))`,
  `(data (i32.const 0) ":path")
   (data (i32.const 16) "user-agent")
   (data (i32.const 32) "x-request-id")
   (data (i32.const 64) "x-wasm")
   (data (i32.const 80) "hello from wasm")
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

const PAIRS = [
  ["accept", "*/*"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) Deno/2.9"],
  ["accept-encoding", "gzip"],
  ["accept-language", "*"],
  ["x-forwarded-proto", "http"],
  ["x-request-id", "0f2ac0f1-4d3c-4a8e-9d93-7a1b3b5c6d7e"],
  ["cookie", "session=abcdef; theme=dark"],
  ["x-custom", "1"],
].flat();

function newRequest(): HttpRequest {
  return {
    method: "GET",
    scheme: "http",
    authority: "reviews.default:9080",
    path: "/productpage?id=12345",
    headers: new HeaderList(PAIRS.slice()),
    body: null,
    protocol: "HTTP/1.1",
  };
}

function newResponse(): HttpResponse {
  return { status: 200, headers: new HeaderList(["content-type", "text/plain", "server", "test"]), body: null };
}

/** A 64 KiB body in 16 KiB chunks through a body filter that reads each chunk, over the same body without a filter. */
async function measureContent(): Promise<void> {
  const module = proxyModule(
    `(import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))`,
    `(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
       (global.set $heap (i32.const 4096))
       (drop (call $get (i32.const 1) (i32.const 0) (local.get 1) (i32.const 1024) (i32.const 1028)))
       (i32.const 0))`,
  );
  const chunk = new Uint8Array(16 * 1024);
  const answer = (): Promise<HttpResponse> => {
    const body = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
    for (let i = 0; i < 4; i++) body.push(chunk);
    // Read once, so that it is a stream and not a whole.
    void body.read().then(() => {});
    body.push(chunk);
    body.end();
    return respond({ status: 200, headers: new HeaderList(), body });
  };
  const config = pluginConfig(module, { vm: { vmId: "content" } });
  const lease = host.acquire(config);
  await lease.handle.settled;
  const filtered = host.layer(config, "wasm")(answer);
  const drain = async (handler: (request: HttpRequest, call: Call) => Promise<HttpResponse>) => {
    const response = await once(handler, false);
    const body = response.response.body!;
    while (await body.read() !== null);
    response.exchange.complete();
  };
  const time = async (handler: (request: HttpRequest, call: Call) => Promise<HttpResponse>) => {
    let best = Infinity;
    for (let run = 0; run < 5; run++) {
      const start = performance.now();
      for (let i = 0; i < 2000; i++) await drain(handler);
      best = Math.min(best, (performance.now() - start) / 2000 * 1000);
    }
    return best;
  };
  const without = await time(answer);
  const copy = new Uint8Array(64 * 1024);
  const start = performance.now();
  for (let i = 0; i < 20_000; i++) for (let at = 0; at < copy.length; at += chunk.length) copy.set(chunk, at);
  const copying = (performance.now() - start) / 20_000 * 1000;
  const over = await time(filtered) - without;
  console.log(
    `${"64 KiB of content, read".padEnd(28)} ${over.toFixed(2)} us, of which the copy ${copying.toFixed(2)} us`,
  );
  lease.release();
}

/** Instances of a module that is compiled, and the memory of a thousand of them. */
async function measureInstances(): Promise<void> {
  const config = pluginConfig(MODULE);
  const compiled = new V8Module(new WebAssembly.Module(MODULE as BufferSource));
  const before = Deno.memoryUsage().rss;
  const vms: Vm[] = [];
  const start = performance.now();
  for (let i = 0; i < 1000; i++) {
    const vm = new Vm({
      runtime: v8Runtime,
      module: compiled,
      config: config.vm,
      host: environment,
      location: "bench",
    });
    vm.createRoot(config).start();
    vms.push(vm);
  }
  const each = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve, 100));
  const mib = (Deno.memoryUsage().rss - before) / 1024 / 1024;
  console.log(`${"instance, started".padEnd(28)} ${each.toFixed(1)} us each, ${mib.toFixed(0)} MiB for ${vms.length}`);
}

const environment = new TestEnvironment();
const host = wasmHost({ ...environment, logger: silentLogger, clock: environment.clock });
const config = pluginConfig(MODULE);
const lease = host.acquire(config);
await lease.handle.settled;
if (lease.handle.root === null) throw new Error(`Cannot measure: ${environment.lines.join("; ")}`);

const respond = Promise.resolve.bind(Promise);
const through = host.layer(config, "wasm")(() => respond(newResponse()));
const plain = () => respond(newResponse());

async function once(
  handler: (request: HttpRequest, call: Call) => Promise<HttpResponse>,
  complete = true,
): Promise<{ response: HttpResponse; exchange: Exchange }> {
  const request = newRequest();
  const exchange = new Exchange();
  const call = new Call({ direction: "outbound", startTime: 0, request, exchange, downstream: null });
  const response = await handler(request, call);
  if (complete) exchange.complete();
  return { response, exchange };
}

async function measure(
  name: string,
  handler: (request: HttpRequest, call: Call) => Promise<HttpResponse>,
): Promise<number> {
  const rounds = 100_000;
  let best = Infinity;
  for (let run = 0; run < 7; run++) {
    const start = performance.now();
    for (let i = 0; i < rounds; i++) await once(handler);
    best = Math.min(best, (performance.now() - start) / rounds * 1000);
  }
  console.log(`${name.padEnd(28)} ${best.toFixed(3)} us`);
  return best;
}

const check = (await once(through)).response;
if (check.headers.get("x-wasm") !== "hello from wasm") throw new Error("Cannot measure: the module has not run");
const base = await measure("without the filter", plain);
const filtered = await measure("through the filter's layer", through);
console.log(`${"whole life of a stream".padEnd(28)} ${(filtered - base).toFixed(3)} us`);
lease.release();

await measureContent();
await measureInstances();
host.close();
