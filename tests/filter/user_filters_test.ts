import assert from "node:assert/strict";
import type { MeshFilter } from "../../lib/filter/mesh_filter.ts";
import { type LoadedFilter, ReadyFilter } from "../../lib/filter/ready_filter.ts";
import { UserFilters } from "../../lib/filter/user_filters.ts";
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

/** A ready-made filter whose loading the test decides. */
class Fake extends ReadyFilter {
  readonly loading = Promise.withResolvers<void>();
  closed = 0;

  constructor(name: string, direction?: "inbound" | "outbound") {
    super(name, direction);
  }

  override async load(): Promise<LoadedFilter> {
    await this.loading.promise;
    return {
      layer: ({ direction }) => (next) => (request, call) => {
        request.headers.append("x-way", `${this.name} ${direction}`);
        return next(request, call);
      },
      close: () => void this.closed++,
    };
  }
}

const plain = (name: string): MeshFilter => ({
  name,
  onRequest: (request) => request.headers.append("x-way", name),
});

function rig(drainMs = 5000) {
  const clock = new FakeClock();
  const filters = new UserFilters({ clock, random: () => 0.5, logger: silentLogger, drainMs });
  const upstream = (request: HttpRequest): Promise<HttpResponse> =>
    Promise.resolve({ status: 200, headers: request.headers, body: null });
  const handlers = {
    inbound: filters.layer("inbound")(upstream),
    outbound: filters.layer("outbound")(upstream),
  };
  const begin = (direction: "inbound" | "outbound" = "inbound") => {
    const request: HttpRequest = {
      method: "GET",
      scheme: "http",
      authority: "a",
      path: "/",
      headers: new HeaderList(),
      body: null,
      protocol: "HTTP/1.1",
    };
    const exchange = new Exchange();
    const call = new Call({ direction, startTime: 0, request, exchange, downstream: null });
    const way = handlers[direction](request, call).then(({ headers }) => headers.getAll("x-way"));
    return { way, exchange };
  };
  const way = async (direction: "inbound" | "outbound" = "inbound") => {
    const { way, exchange } = begin(direction);
    const names = await way;
    exchange.complete();
    return names;
  };
  return { clock, filters, begin, way };
}

Deno.test("the order is that of use, however long loading takes", async () => {
  const { filters, way } = rig();
  assert.deepEqual(await way(), []);
  const slow = new Fake("slow");
  const using = filters.add(slow);
  await filters.add(plain("plain"));
  assert.deepEqual(await way(), ["plain"]);
  slow.loading.resolve();
  await using;
  assert.deepEqual(await way(), ["slow inbound", "plain"]);
  assert.deepEqual(await way("outbound"), ["slow outbound", "plain"]);
});

Deno.test("a filter of one direction stands in that chain only", async () => {
  const { filters, way } = rig();
  const fake = new Fake("in", "inbound");
  fake.loading.resolve();
  await filters.add(fake);
  assert.deepEqual([await way("inbound"), await way("outbound")], [["in inbound"], []]);
});

Deno.test("one that cannot be loaded leaves nothing behind", async () => {
  const { filters, way } = rig();
  const fake = new Fake("bad");
  const using = filters.add(fake);
  fake.loading.reject(new Error("No such thing"));
  await assert.rejects(using, /No such thing/);
  assert.deepEqual(await way(), []);
  assert.equal(fake.closed, 0);
});

Deno.test("it is closed when the last call it has seen is over, once", async () => {
  const { filters, begin, way } = rig();
  const fake = new Fake("x");
  fake.loading.resolve();
  const handle = await filters.add(fake);
  const first = begin();
  const second = begin();
  await Promise.all([first.way, second.way]);
  const removed = handle.remove();
  assert.deepEqual(await way(), []);
  first.exchange.complete();
  assert.equal(fake.closed, 0);
  second.exchange.complete(new Error("Gone"));
  await removed;
  assert.equal(fake.closed, 1);
  await handle[Symbol.asyncDispose]();
  await filters.close();
  assert.equal(fake.closed, 1);
});

Deno.test("removing waits no longer than a mesh takes to drain; the stream keeps its filter", async () => {
  const { clock, filters, begin } = rig(700);
  const fake = new Fake("x");
  fake.loading.resolve();
  const handle = await filters.add(fake);
  const stream = begin();
  await stream.way;
  const removed = handle.remove();
  await clock.advance(700);
  await removed;
  assert.equal(fake.closed, 0);
  stream.exchange.complete();
  assert.equal(fake.closed, 1);
});

Deno.test("a mesh that closes closes every filter, also one that is still being loaded", async () => {
  const { filters, begin, way } = rig();
  const [ready, late] = [new Fake("ready"), new Fake("late")];
  ready.loading.resolve();
  await filters.add(ready);
  begin();
  const using = filters.add(late);
  await filters.close();
  assert.equal(ready.closed, 1);
  late.loading.resolve();
  await using;
  assert.equal(late.closed, 1);
  assert.deepEqual(await way(), []);
});
