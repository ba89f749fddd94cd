/** How the store takes in extensions (ECDS): which listeners wait for them, and until when. */
import assert from "node:assert/strict";
import type { EnvoyConfigCoreV3ExtensionConfigSource } from "../../lib/protobuf/gen/messages.ts";
import { encode, type MessageName, packAny } from "../../lib/protobuf/registry.ts";
import { type FilterParser, NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import type { ResourceKind, SnapshotChange } from "../../lib/resource/snapshot.ts";
import { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

const TEXT = "google.protobuf.StringValue";
const PARSER: FilterParser = {
  parse(bytes) {
    if (bytes.length === 0) throw new Error("It is empty");
    return { size: bytes.length };
  },
};
const PARSERS = { ...NO_FILTER_PARSERS, http: new Map([[TEXT, PARSER]]), network: new Map([[TEXT, PARSER]]) };
const MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

function storeOf() {
  const clock = new FakeClock();
  const store = new SnapshotStore({ parsers: PARSERS, clientNamespace: "default", clock });
  const put = (kind: ResourceKind, name: string, bytes: Uint8Array) =>
    store.apply(kind, { changed: new Map([[name, bytes]]), removed: [] });
  const remove = (kind: ResourceKind, ...removed: string[]) => store.apply(kind, { changed: new Map(), removed });
  return { store, clock, put, remove };
}

function discovery(fields: EnvoyConfigCoreV3ExtensionConfigSource = {}): EnvoyConfigCoreV3ExtensionConfigSource {
  return { configSource: { ads: {}, initialFetchTimeout: {} }, typeUrls: [`t/${TEXT}`], ...fields };
}

/** A listener whose HTTP filters of these names are to be discovered. */
function listener(filters: Record<string, EnvoyConfigCoreV3ExtensionConfigSource>, port = 80): Uint8Array {
  const typedConfig = packAny(MANAGER, {
    statPrefix: "s",
    routeConfig: { name: "inline" },
    httpFilters: [
      ...Object.entries(filters).map(([name, configDiscovery]) => ({ name, configDiscovery })),
      { name: "router", typedConfig: packAny("envoy.extensions.filters.http.router.v3.Router", {}) },
    ],
  });
  return encode("envoy.config.listener.v3.Listener", {
    name: "l",
    address: { socketAddress: { address: "0.0.0.0", portValue: port } },
    filterChains: [{ filters: [{ name: "http", typedConfig }] }],
  });
}

function extension(value: string, name = "x", message: MessageName = TEXT): Uint8Array {
  return encode("envoy.config.core.v3.TypedExtensionConfig", {
    name,
    typedConfig: packAny(message, value === "" ? {} : { value }),
  });
}

Deno.test("A listener waits for the extensions of its filters; they are wanted by name", () => {
  const { store, put } = storeOf();
  put("listener", "l", listener({ x: discovery(), y: discovery() }));
  assert.equal(store.current.listener("l"), null);
  assert.deepEqual([...store.wanted("extension")], ["x", "y"]);
  assert.deepEqual(put("extension", "x", extension("1")), []);
  assert.equal(store.current.listener("l"), null);
  put("extension", "y", extension("1", "y"));
  assert.notEqual(store.current.listener("l"), null);
  assert.deepEqual(store.current.extension("x"), { name: "x", typeUrl: TEXT, http: { size: 3 }, network: { size: 3 } });
});

Deno.test("Network filters to be discovered are waited for as well", () => {
  const { store, put } = storeOf();
  const proxy = packAny("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", { statPrefix: "s", cluster: "c" });
  const bytes = encode("envoy.config.listener.v3.Listener", {
    name: "l",
    address: { socketAddress: { address: "0.0.0.0", portValue: 80 } },
    filterChains: [{ filters: [{ name: "x", configDiscovery: discovery() }, { name: "tcp", typedConfig: proxy }] }],
  });
  put("listener", "l", bytes);
  assert.deepEqual([...store.wanted("extension")], ["x"]);
  put("extension", "x", extension("1"));
  assert.notEqual(store.current.listener("l"), null);
});

Deno.test("A change of an extension changes it alone: its listener stays the same object", async () => {
  const { store, put } = storeOf();
  put("listener", "l", listener({ x: discovery() }));
  put("extension", "x", extension("1"));
  const [before, first] = [store.current.listener("l"), store.current.extension("x")];
  const told: SnapshotChange[] = [];
  store.subscribe((_, change) => told.push(change));
  await Promise.resolve();
  told.length = 0;
  put("extension", "x", extension("1"));
  assert.equal(store.current.extension("x"), first, "the same bytes are no change");
  put("extension", "x", extension("22"));
  await Promise.resolve();
  assert.equal(store.current.listener("l"), before);
  assert.deepEqual(store.current.extension("x")?.http, { size: 4 });
  assert.deepEqual(told.map(({ extensions, listeners }) => [[...extensions], listeners.size]), [[["x"], 0]]);
});

Deno.test("A listener does not wait where the default configuration serves from the beginning, or the extension is known", () => {
  const { store, put } = storeOf();
  const defaultConfig = packAny(TEXT, { value: "default" });
  put("listener", "l", listener({ x: discovery({ defaultConfig, applyDefaultConfigWithoutWarming: true }) }));
  assert.notEqual(store.current.listener("l"), null);
  assert.deepEqual([...store.wanted("extension")], ["x"]);
  put("extension", "x", extension("1"));
  put("listener", "l", listener({ x: discovery() }, 81));
  assert.equal(store.current.listener("l")?.address?.port, 81);
});

Deno.test("The former listener serves while the new one waits, until initial_fetch_timeout; 0 waits for as long as it takes", async () => {
  const { store, clock, put } = storeOf();
  put("listener", "l", listener({}));
  const timed = discovery({ configSource: { ads: {}, initialFetchTimeout: { seconds: 2 } } });
  put("listener", "l", listener({ x: timed }, 81));
  await clock.advance(1_999);
  assert.equal(store.current.listener("l")?.address?.port, 80);
  await clock.advance(1);
  assert.equal(store.current.listener("l")?.address?.port, 81, "it goes without");
  put("listener", "l", listener({ ever: discovery() }, 82));
  await clock.advance(1_000_000);
  assert.equal(store.current.listener("l")?.address?.port, 81);
  put("listener", "l", listener({}, 83));
  assert.equal(store.wanted("extension").size, 0);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("A name waits 15 s where the configuration says nothing, once for all listeners; a late one is taken in", async () => {
  const { store, clock, put } = storeOf();
  put("listener", "l", listener({ x: discovery({ configSource: { ads: {} } }) }));
  await clock.advance(14_999);
  assert.equal(store.current.listener("l"), null);
  await clock.advance(1);
  assert.notEqual(store.current.listener("l"), null);
  put("listener", "l", listener({ x: discovery({ configSource: { ads: {} } }) }, 81));
  assert.equal(store.current.listener("l")?.address?.port, 81, "it was waited for already");
  put("extension", "x", extension("late"));
  assert.notEqual(store.current.extension("x"), null);
  store.close();
});

Deno.test("A refused extension holds up nobody, is reported by name, and leaves the last good one in use", () => {
  const { store, put } = storeOf();
  put("listener", "l", listener({ x: discovery() }));
  const bad = put("extension", "x", extension(""));
  assert.deepEqual(bad, [{
    name: "x",
    errors: ["Cannot use 'typed_config': 'google.protobuf.StringValue' is not valid (It is empty)"],
    applied: false,
  }]);
  assert.notEqual(store.current.listener("l"), null, "Envoy goes on without it");
  assert.equal(store.current.extension("x"), null);
  assert.deepEqual([...store.records.list("extension")].map(({ name, failure }) => [name, failure?.errors.length]), [[
    "x",
    1,
  ]]);
  put("extension", "x", extension("1"));
  const good = store.current.extension("x");
  const malformed = put("extension", "x", extension("1").fill(0xff, 2, 4));
  assert.equal(malformed[0]?.applied, false);
  assert.equal(store.current.extension("x"), good);
});

Deno.test("An extension of a type that no filter of the name takes is refused, an unsupported one is applied and reported", () => {
  const { store, put } = storeOf();
  put(
    "listener",
    "l",
    listener({
      x: discovery({ typeUrls: ["t/other.Type"] }),
      y: discovery({ typeUrls: ["t/google.protobuf.BoolValue"] }),
    }),
  );
  assert.deepEqual(put("extension", "x", extension("1"))[0], {
    name: "x",
    errors: [
      "Cannot use 'typed_config': its type must be one of 'other.Type', current value is 'google.protobuf.StringValue'",
    ],
    applied: false,
  });
  const flag = encode("envoy.config.core.v3.TypedExtensionConfig", {
    name: "y",
    typedConfig: packAny("google.protobuf.BoolValue", { value: true }),
  });
  assert.deepEqual(put("extension", "y", flag)[0], {
    name: "y",
    errors: ["Cannot follow 'typed_config': 'google.protobuf.BoolValue' is not supported, the rest is applied"],
    applied: true,
  });
  assert.notEqual(store.current.listener("l"), null);
});

Deno.test("A removed extension is gone at once; one that nothing refers to any more, too", () => {
  const { store, put, remove } = storeOf();
  put("listener", "l", listener({ x: discovery() }));
  put("extension", "x", extension("1"));
  remove("extension", "x");
  assert.equal(store.current.extension("x"), null);
  assert.notEqual(store.current.listener("l"), null, "the listener stays and goes without");
  put("extension", "x", extension("2"));
  assert.notEqual(store.current.extension("x"), null);
  put("listener", "l", listener({}));
  assert.equal(store.current.extension("x"), null);
  put("extension", "x", extension("3"));
  assert.equal(store.current.extension("x"), null, "nobody asked for it");
});

/** A store whose extensions take time, each until its turn. */
function preparing() {
  const turns: PromiseWithResolvers<void>[] = [];
  const prepareExtension = () => {
    const turn = Promise.withResolvers<void>();
    turns.push(turn);
    return turn.promise;
  };
  const clock = new FakeClock();
  const store = new SnapshotStore({ parsers: PARSERS, clientNamespace: "default", clock, prepareExtension });
  const put = (kind: ResourceKind, name: string, bytes: Uint8Array) =>
    store.apply(kind, { changed: new Map([[name, bytes]]), removed: [] });
  const finish = async (index: number, error?: Error) => {
    if (error === undefined) turns[index]!.resolve();
    else turns[index]!.reject(error);
    await turns[index]!.promise.catch(() => {});
    await Promise.resolve();
  };
  const size = () => (store.current.extension("x")?.http as { size: number } | undefined)?.size ?? null;
  return { store, put, finish, size };
}

Deno.test("An extension that takes time is used when it is ready: its listener waits, then the former one serves", async () => {
  const { store, put, finish, size } = preparing();
  put("listener", "l", listener({ x: discovery() }));
  assert.deepEqual(put("extension", "x", extension("1")), []);
  assert.deepEqual([size(), store.current.listener("l")], [null, null]);
  await finish(0);
  assert.equal(size(), 3);
  assert.notEqual(store.current.listener("l"), null);
  put("extension", "x", extension("22"));
  assert.equal(size(), 3);
  assert.deepEqual(put("extension", "x", extension("22")), [], "the same is not begun again");
  await finish(1, new Error("It could not be had"));
  assert.equal(size(), 4, "what failed has its own way to say so");
});

Deno.test("Of extensions that take time the newest counts; one that goes meanwhile does not come", async () => {
  const { store, put, finish, size } = preparing();
  put("listener", "l", listener({ x: discovery() }));
  put("extension", "x", extension("1"));
  put("extension", "x", extension("22"));
  await finish(0);
  assert.equal(size(), null);
  await finish(1);
  assert.equal(size(), 4);
  put("extension", "x", extension("333"));
  put("extension", "x", extension("22"));
  await finish(2);
  assert.equal(size(), 4, "back to what was there");
  put("extension", "x", extension("333"));
  store.apply("extension", { changed: new Map(), removed: ["x"] });
  await finish(3);
  assert.equal(size(), null);
  put("extension", "x", extension("1"));
  put("listener", "l", listener({}));
  await finish(4);
  assert.equal(size(), null, "nothing refers to it any more");
  put("listener", "l", listener({ x: discovery() }, 81));
  put("extension", "x", extension("1"));
  store.close();
  await finish(5);
  assert.equal(size(), null);
});
