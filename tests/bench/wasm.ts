import { FakeIstiod } from "../../lib/testing/mod.ts";
import { Mesh } from "../../mod.ts";
import { QueueBody } from "../../lib/http/body.ts";
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { chooseRuntimes } from "../../lib/proxy_wasm/runtime/choose_runtimes.ts";
import type { WasmRuntime } from "../../lib/proxy_wasm/runtime/runtime.ts";
import { Vm } from "../../lib/proxy_wasm/vm.ts";
import { WasmHost } from "../../lib/proxy_wasm/wasm_host.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { until } from "../support/until.ts";
import { pluginConfig, proxyModule, TestEnvironment } from "../support/wasm_rig.ts";
import { absoluteCell, type Cell, median } from "./cell.ts";

/** Microseconds of the whole life of a stream in a careful module; the aim is 1.0. */
const LIFE_BAR = 1.5;
/** The same through the SDK for AssemblyScript. */
const SDK_BAR = 8;
/** Microseconds of an entry into a guarded module, and entries a request. */
const ENTRY_BAR = 14;
const ENTRIES = 3;
/** Microseconds that one filter of headers adds to a request end to end. */
const END_TO_END_BAR = 3;
/** Microseconds that 64 KiB of content take beyond copying them. */
const CONTENT_BAR = 10;
/** Milliseconds of an instance of a module that is compiled. */
const INSTANCE_BAR = 1;
/** MiB of as many instances. */
const INSTANCES = 1000;
const MEMORY_BAR = 60;

const ROUNDS = 7;
const REQUESTS = 40_000;
/** Requests of a turn of one client end to end, at a time in flight, and pairs of turns of which a median is taken. */
const TURN = 400;
const IN_FLIGHT = 16;
const TURNS = 40;
const WARM_TURNS = 40;

/** Create, request headers with three reads, response headers with one addition, done, log, delete. */
const HEADERS_MODULE = proxyModule(
  `(import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
   (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))`,
  `(data (i32.const 0) ":path")
   (data (i32.const 16) "user-agent")
   (data (i32.const 32) "x-request-id")
   (data (i32.const 64) "x-wasm")
   (data (i32.const 80) "hello from wasm")
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

/** Reads each chunk of the response. */
const CONTENT_MODULE = proxyModule(
  `(import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))`,
  `(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
     (global.set $heap (i32.const 4096))
     (drop (call $get (i32.const 1) (i32.const 0) (local.get 1) (i32.const 1024) (i32.const 1028)))
     (i32.const 0))`,
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

type Send = (request: HttpRequest, call: Call) => Promise<HttpResponse>;

/** What a Proxy-Wasm module costs a request, its content, and its start. */
export async function wasmBench(log: (line: string) => void): Promise<Cell[]> {
  const cells: Cell[] = [];
  const add = (cell: string, measure: string, unit: string, values: readonly number[], bar: number) =>
    cells.push(absoluteCell({ name: "wasm", cell, measure, unit }, values, bar));
  const sdkModule = await Deno.readFile(new URL("../../filters/proxy_wasm/header_tag_as.wasm", import.meta.url));
  for (
    const [cell, module, runtime, bar] of [
      ["hand-written, v8", HEADERS_MODULE, "v8", LIFE_BAR],
      ["AssemblyScript SDK, v8", sdkModule, "v8", SDK_BAR],
      ["hand-written, guarded", HEADERS_MODULE, "guarded", ENTRY_BAR * ENTRIES],
    ] as const
  ) {
    log(`wasm: ${cell}`);
    add(cell, "life of a stream", "us", await measureLife(module, runtime), bar);
  }
  log("wasm: entries, content, instances");
  add("guarded", "an entry", "us", await measureEntry("guarded"), ENTRY_BAR);
  add("64 KiB of content", "beyond the copy", "us", await measureContent(), CONTENT_BAR);
  for (const runtime of ["v8", "guarded"]) {
    const { ms, mib } = await measureInstances(chooseRuntimes().get(runtime)!);
    add(`an instance, ${runtime}`, "start", "ms", ms, INSTANCE_BAR);
    add(`${INSTANCES} instances, ${runtime}`, "memory", "MiB", [mib], MEMORY_BAR);
  }
  log("wasm: end to end");
  add("a filter of headers", "added to a request", "us", await measureEndToEnd(), END_TO_END_BAR);
  return cells;
}

/** Microseconds a plugin adds to a request of nothing but its layer. */
async function measureLife(module: Uint8Array, runtime: string): Promise<number[]> {
  await using rig = await LayerRig.start(module, runtime, newResponse);
  const rounds = runtime === "guarded" ? REQUESTS / 10 : REQUESTS;
  const time = async (send: Send) => {
    const start = performance.now();
    for (let i = 0; i < rounds; i++) (await once(send)).exchange.complete();
    return (performance.now() - start) / rounds * 1000;
  };
  const added: number[] = [];
  // The first round is warming up.
  for (let round = 0; round <= ROUNDS; round++) {
    const value = await time(rig.filtered) - await time(rig.plain);
    if (round > 0) added.push(value);
  }
  return added;
}

async function measureEntry(runtime: string): Promise<number[]> {
  const engine = chooseRuntimes().get(runtime)!;
  const instance = engine.instantiate(await engine.compile(HEADERS_MODULE), { env: NOTHING });
  const call = instance.function("nothing")!;
  const { guard } = instance;
  return Array.from({ length: ROUNDS }, () => {
    const rounds = 5_000;
    const start = performance.now();
    for (let i = 0; i < rounds; i++) guard === null ? call() : guard(call);
    return (performance.now() - start) / rounds * 1000;
  });
}

/** 64 KiB in chunks of 16 KiB. */
async function measureContent(): Promise<number[]> {
  const chunk = new Uint8Array(16 * 1024);
  const response = (): HttpResponse => {
    const body = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
    // Read from at once, so that it is a stream and not a whole.
    void body.read();
    body.push(new Uint8Array(1));
    for (let i = 0; i < 4; i++) body.push(chunk);
    body.end();
    return { status: 200, headers: new HeaderList(), body };
  };
  await using rig = await LayerRig.start(CONTENT_MODULE, "v8", response);
  const rounds = 2_000;
  const time = async (send: Send) => {
    const start = performance.now();
    for (let i = 0; i < rounds; i++) {
      const { response, exchange } = await once(send);
      while (await response.body!.read() !== null);
      exchange.complete();
    }
    return (performance.now() - start) / rounds * 1000;
  };
  const copies = new Uint8Array(64 * 1024);
  const copy = () => {
    const start = performance.now();
    for (let i = 0; i < rounds; i++) for (let at = 0; at < copies.length; at += chunk.length) copies.set(chunk, at);
    return (performance.now() - start) / rounds * 1000;
  };
  const added: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const value = await time(rig.filtered) - await time(rig.plain) - copy();
    if (round > 0) added.push(value);
  }
  return added;
}

async function measureInstances(runtime: WasmRuntime): Promise<{ ms: number[]; mib: number }> {
  const config = pluginConfig(HEADERS_MODULE);
  const module = await runtime.compile(HEADERS_MODULE);
  const environment = { ...new TestEnvironment(), logger: silentLogger };
  const vms: Vm[] = [];
  const ms: number[] = [];
  await collectGarbage();
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < INSTANCES; i++) {
    const start = performance.now();
    const vm = new Vm({ runtime, module, config: config.vm, host: environment, location: "bench" });
    vm.createRoot(config).start();
    ms.push(performance.now() - start);
    vms.push(vm);
  }
  const mib = (Deno.memoryUsage().rss - before) / 1024 / 1024;
  for (const vm of vms) vm.close();
  await collectGarbage();
  return { ms, mib };
}

/** Microseconds a WasmPlugin adds to the requests of a client, over a client beside it that has none. */
async function measureEndToEnd(): Promise<number[]> {
  await using modules = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    return new Response(HEADERS_MODULE as BodyInit);
  });
  await using istiod = await FakeIstiod.start();
  const join = async (name: string) =>
    await Mesh.join({
      ...await istiod.workload({ name, namespace: "default", ip: "127.0.0.1", labels: { app: name } }),
      admin: false,
      logger: silentLogger,
    });
  await using reviews = await join("reviews");
  await using server = await reviews.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("ok"),
  );
  istiod.apply(REVIEWS(server.addr.port));
  istiod.apply(PLUGIN(modules.addr.port));
  await using plain = await join("plain");
  await using filtered = await join("filtered");
  const ask = async (mesh: Mesh) => {
    const response = await mesh.fetch("http://reviews.default:9080/");
    await response.text();
    return response.headers.get("x-wasm");
  };
  await until("the plugin runs", async () => await ask(filtered) !== null, 10_000);
  if (await ask(plain) !== null) throw new Error("Cannot measure: the plugin runs in both clients");
  // Several at a time keep the processor busy: what is waited for costs nothing then.
  const time = async (mesh: Mesh) => {
    let left = TURN;
    const work = async () => {
      while (left-- > 0) await ask(mesh);
    };
    const start = performance.now();
    await Promise.all(Array.from({ length: IN_FLIGHT }, work));
    return (performance.now() - start) / TURN * 1000;
  };
  for (let i = 0; i < WARM_TURNS; i++) for (const mesh of [plain, filtered]) await time(mesh);
  const added: number[] = [];
  while (added.length < ROUNDS) {
    const pairs: number[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      // By turns first: what drifts or settles with time hits both alike.
      const first = turn % 2 === 0 ? plain : filtered;
      const [one, other] = [await time(first), await time(first === plain ? filtered : plain)];
      pairs.push(first === plain ? other - one : one - other);
    }
    added.push(median(pairs));
  }
  return added;
}

const NOTHING = { proxy_get_header_map_value: () => 0, proxy_add_header_map_value: () => 0 };

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

async function once(send: Send): Promise<{ response: HttpResponse; exchange: Exchange }> {
  const request = newRequest();
  const exchange = new Exchange();
  const call = new Call({ direction: "outbound", startTime: 0, request, exchange, downstream: null });
  return { response: await send(request, call), exchange };
}

/** The layer of one plugin over nothing but an answer. */
class LayerRig implements AsyncDisposable {
  readonly plain: Send;
  readonly filtered: Send;
  readonly #end: () => void;

  private constructor(plain: Send, filtered: Send, end: () => void) {
    this.plain = plain;
    this.filtered = filtered;
    this.#end = end;
  }

  static async start(module: Uint8Array, runtime: string, response: () => HttpResponse): Promise<LayerRig> {
    const environment = { ...new TestEnvironment(), logger: silentLogger };
    const host = new WasmHost({ environment, runtimes: chooseRuntimes() });
    const config = pluginConfig(module, { vm: { runtime } });
    const lease = host.acquire(config);
    await lease.handle.settled;
    if (lease.handle.root === null) throw new Error("Cannot measure: the module does not run");
    const plain: Send = () => Promise.resolve(response());
    const end = () => {
      lease.release();
      host.close();
    };
    return new LayerRig(plain, host.layer(config, "wasm")(plain), end);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    return Promise.resolve();
  }
}

const REVIEWS = (port: number) => `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: default }
spec: { clusterIP: 10.96.0.10, selector: { app: reviews }, ports: [{ name: http, port: 9080, targetPort: ${port} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: reviews-1, namespace: default, labels: { kubernetes.io/service-name: reviews } }
addressType: IPv4
endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true }, targetRef: { kind: Pod, name: reviews, namespace: default } }]
ports: [{ name: http, port: ${port}, protocol: TCP }]
`;

const PLUGIN = (port: number) => `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: bench, namespace: default }
spec:
  selector: { matchLabels: { app: filtered } }
  match: [{ mode: CLIENT }]
  url: http://127.0.0.1:${port}/filter.wasm
`;
