import { componentFilter } from "../../lib/component/mod.ts";
import type { HttpLayer } from "../../lib/filter/http_filter.ts";
import type { MeshFilter } from "../../lib/filter/mesh_filter.ts";
import { userFilterLayer } from "../../lib/filter/user_filter.ts";
import type { FilterHost, ReadyFilter } from "../../lib/filter/ready_filter.ts";
import { BytesBody } from "../../lib/http/body.ts";
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { absoluteCell, type Cell } from "./cell.ts";

const REQUESTS = 20_000;
const ROUNDS = 7;
/** Microseconds for both calls of a filter of heads in C, headers of a browser's request among them. */
const CALLS_BAR = 35;
/** Microseconds for a filter of two functions in TypeScript. */
const SCRIPT_BAR = 3;
/** Microseconds for a body of 64 KiB in one chunk, beyond those of the heads. */
const BODY_BAR = 100;
/** Milliseconds from the bytes of a component to its first request, jco started and gone again. */
const LOAD_BAR = 2_000;

const built = (name: string) => Deno.readFile(new URL(`../../filters/component/${name}.wasm`, import.meta.url));

/** What a component costs a request, and what loading it costs. */
export async function componentBench(log: (line: string) => void): Promise<Cell[]> {
  const cells: Cell[] = [];
  const add = (cell: string, measure: string, unit: string, values: readonly number[], bar: number) =>
    cells.push(absoluteCell({ name: "component", cell, measure, unit }, values, bar));
  const tag = await built("header_tag");
  for (
    const [cell, fields, timeLimit] of [["3 headers", 3], ["12 headers", 12], [
      "12 headers, time limit",
      12,
      1000,
    ]] as const
  ) {
    log(`component: C, ${cell}`);
    const send = await sender(componentFilter({ component: tag, config: "bench", ...(timeLimit && { timeLimit }) }));
    add(
      `C, ${cell}`,
      "request and response",
      "us",
      await measure(() => send(fields, null)),
      CALLS_BAR + (timeLimit ? 28 : 0),
    );
  }
  log("component: C, body of 64 KiB");
  const mask = await sender(componentFilter({ component: await built("digit_mask") }));
  const body = new Uint8Array(65_536).fill(97);
  body[7] = 48;
  const heads = await measure(() => mask(3, null));
  const bodies = await measure(() => mask(3, body));
  add("C, 64 KiB masked", "beyond the heads", "us", bodies.map((value, i) => value - heads[i]!), BODY_BAR);
  log("component: TypeScript");
  const filter: MeshFilter = {
    name: "script",
    onRequest: (request) => request.headers.set("x-tagged-by", "bench"),
    onResponse: (response) => response.headers.set("x-tagged-by", "bench"),
  };
  const script = through(userFilterLayer(filter, silentLogger));
  add("TypeScript, 12 headers", "request and response", "us", await measure(() => script(12, null)), SCRIPT_BAR);
  log("component: load");
  const loads: number[] = [];
  for (let i = 0; i < 3; i++) {
    const started = performance.now();
    await sender(componentFilter({ component: tag, config: "bench" }));
    loads.push(performance.now() - started);
  }
  add("C, 7 KB", "load", "ms", loads, LOAD_BAR);
  return cells;
}

type Send = (fields: number, body: Uint8Array | null) => Promise<HttpResponse>;

async function sender(filter: ReadyFilter): Promise<Send> {
  const shared = new Map<symbol, object>();
  const host: FilterHost = {
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    shared: <T extends object>(key: symbol, make: () => T): T => {
      if (!shared.has(key)) shared.set(key, make());
      return shared.get(key) as T;
    },
  };
  return through((await filter.load(host)).layer({ direction: "inbound" }));
}

/** Requests through a layer to an upstream that answers at once. */
function through(layer: HttpLayer): Send {
  let content: Uint8Array | null = null;
  const upstream = (): Promise<HttpResponse> =>
    Promise.resolve({
      status: 200,
      headers: new HeaderList(["content-type", "text/plain", "date", "Thu, 01 Jan 1970 00:00:00 GMT"]),
      body: content === null ? null : new BytesBody(content),
    });
  const handler = layer(upstream);
  return (fields, body) => {
    content = body;
    const pairs: string[] = [];
    for (let i = 0; i < fields; i++) pairs.push(`x-header-${i}`, `some value of header ${i}`);
    const request: HttpRequest = {
      method: "GET",
      scheme: "http",
      authority: "reviews:9080",
      path: "/api/v1/reviews/1",
      headers: new HeaderList(pairs),
      body: null,
      protocol: "HTTP/1.1",
    };
    const exchange = new Exchange();
    const call = new Call({ direction: "inbound", startTime: 0, request, exchange, downstream: null });
    return handler(request, call).then((response) => {
      exchange.complete();
      return response;
    });
  };
}

/** Microseconds a request, for each round after one to warm up. */
async function measure(send: () => Promise<HttpResponse>): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const started = performance.now();
    for (let i = 0; i < REQUESTS; i++) await send();
    if (round > 0) values.push((performance.now() - started) * 1000 / REQUESTS);
  }
  return values;
}
