/** Extensions in a whole mesh: filters that arrive by themselves (ECDS), and WasmPlugins with their modules. */
import assert from "node:assert/strict";
import type { Mesh } from "../../mod.ts";
import { packAny, typeUrl } from "../../lib/protobuf/registry.ts";
import { filteredListener } from "../support/filtered_listener.ts";
import { MeshRig, TYPE } from "../support/mesh_rig.ts";
import { dockerConfig, TestRegistry } from "../support/test_registry.ts";
import { until } from "../support/until.ts";
import { recorder } from "../support/wasm_recorder.ts";

const ECDS = typeUrl("envoy.config.core.v3.TypedExtensionConfig");
const MUTATION = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";

/** An outbound listener at `10.1.1.1:7001` whose filter `stamp` is to be discovered. */
function listener(initialFetchTimeout = {}) {
  const configDiscovery = { configSource: { ads: {}, initialFetchTimeout }, typeUrls: [typeUrl(MUTATION)] };
  return filteredListener(7001, [{ name: "stamp", configDiscovery }]);
}

function stamp(value: string) {
  const append = { header: { key: "x-stamp", value }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" };
  const mutations = { requestMutations: [{ append }] };
  return { name: "stamp", value: { name: "stamp", typedConfig: packAny(MUTATION, { mutations }) } };
}

const ECHO = (request: Request) => new Response(request.headers.get("x-stamp") ?? "none");

const ADMIN = { join: { admin: { port: 0 } } };

async function dump(mesh: Mesh): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${mesh.ports.admin}/config_dump`)).text();
}

Deno.test("a filter of any type arrives by itself: waited for, changed alone, refused by name, gone", async () => {
  await MeshRig.use(async (rig) => {
    await rig.serve("web", ECHO);
    const caller = await rig.join("caller", ADMIN);
    const url = "http://10.1.1.1:7001/";
    const text = async () => await (await caller.fetch(url)).text();
    rig.istiod.push(TYPE.listener, [listener()]);
    await until(
      "the extension is asked for",
      () => rig.istiod.clients.some(({ types }) => types.get(ECDS)?.names.includes("stamp") === true),
    );
    assert.equal(caller.snapshot.listeners.includes("10.1.1.1_7001"), false, "the listener waits");
    rig.istiod.push(ECDS, [stamp("one")]);
    await rig.istiod.settled();
    assert.equal(await text(), "one");

    rig.istiod.push(ECDS, [stamp("two")]);
    await until("the change is there", async () => await text() === "two");
    assert.match(await dump(caller), /EcdsConfigDump[\s\S]*"ecds_filter"[\s\S]*"name": "stamp"/);

    rig.istiod.push(ECDS, [{
      name: "stamp",
      value: { name: "stamp", typedConfig: packAny("google.protobuf.BoolValue", {}) },
    }]);
    await until("the extension is refused", () => rig.istiod.nacks.length > 0);
    assert.match(rig.istiod.nacks.at(-1)!.message, /stamp.*its type must be one of '.*HeaderMutation'/);
    assert.equal(await text(), "two", "the last good one goes on");
    assert.match(await dump(caller), /"error_state"[\s\S]*its type must be one of/);
  });
});

Deno.test("a listener goes without an extension that does not come in time, and refuses requests until it does", async () => {
  await MeshRig.use(async (rig) => {
    await rig.serve("web", ECHO);
    const caller = await rig.join("caller");
    rig.istiod.push(TYPE.listener, [listener({ nanos: 1_000_000 })]);
    await rig.answers(caller, "http://10.1.1.1:7001/", 500);
    const refused = await caller.fetch("http://10.1.1.1:7001/");
    assert.match(await refused.text(), /configuration of filter 'stamp' has not arrived/);
    rig.istiod.push(ECDS, [stamp("late")]);
    await rig.answers(caller, "http://10.1.1.1:7001/");
  });
});

/** A module that marks each request with one character. */
function marking(mark: string): Uint8Array {
  return recorder({
    requestHeaders: `(drop (call $add (i32.const 0) (i32.const 512) (i32.const 7) (i32.const 520) (i32.const 1)))
      (i32.const 0)`,
    more: `(data (i32.const 512) "x-stamp") (data (i32.const 520) "${mark}")`,
  });
}

function plugin(url: string, more = "", name = "stamp"): string {
  return `{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: ${name}}, ` +
    `spec: {selector: {matchLabels: {app: caller}}, url: "${url}", ${more}}}`;
}

/** Sends requests one after the other until told to stop; what came back, each answer once in a row. */
function load(mesh: Mesh, url: string): { seen: string[]; failed: string[]; stop(): Promise<void> } {
  const seen: string[] = [];
  const failed: string[] = [];
  let running = true;
  const one = async () => {
    while (running) {
      const response = await mesh.fetch(url);
      const text = await response.text();
      if (response.status !== 200) failed.push(`${response.status} ${text}`);
      else if (seen.at(-1) !== text) seen.push(text);
    }
  };
  const all = Promise.allSettled([one(), one(), one()]);
  return { seen, failed, stop: async () => void (running = false, await all) };
}

Deno.test("a WasmPlugin is applied, changed and removed under load: every request is answered, by one or the other", async () => {
  await TestRegistry.use((registry) =>
    MeshRig.use(async (rig) => {
      await rig.serve("web", ECHO);
      const caller = await rig.join("caller", { labels: { app: "caller" }, ...ADMIN });
      await registry.image("filters/stamp", "v1", marking("1"));
      await registry.image("filters/stamp", "v2", marking("2"), "oci-artifact");
      const image = (tag: string) => plugin(`oci://${registry.host}/filters/stamp:${tag}`, "imagePullSecret: pull");
      rig.istiod.apply(JSON.stringify({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "pull" },
        stringData: { ".dockerconfigjson": dockerConfig(registry.host, "user", "hunter2") },
      }));
      const url = "http://web/";
      await rig.answers(caller, url);
      const requests = load(caller, url);
      for (const [yaml, mark] of [[image("v1"), "1"], [image("v2"), "2"]] as const) {
        rig.istiod.apply(yaml);
        await until(`requests are marked with '${mark}'`, () => requests.seen.at(-1) === mark);
      }
      const shown = await dump(caller);
      assert.match(shown, /"ISTIO_META_WASM_IMAGE_PULL_SECRET": "\[redacted\]"/);
      rig.istiod.delete({ kind: "WasmPlugin", name: "stamp" });
      await until("requests are not marked", () => requests.seen.at(-1) === "none");
      await requests.stop();
      assert.deepEqual(requests.failed, []);
      assert.deepEqual(requests.seen.filter((text, i, all) => all.indexOf(text) === i), ["none", "1", "2"]);
      assert.ok(registry.authorizations.includes(`Basic ${btoa("user:hunter2")}`));
      assert.doesNotMatch(`${shown} ${rig.log("caller")}`, /hunter2/);
    }), { auth: "basic", password: "hunter2" });
});

Deno.test("a module that cannot be had fails requests or lets them pass, as the plugin says", async () => {
  await TestRegistry.use((registry) =>
    MeshRig.use(async (rig) => {
      await rig.serve("web", ECHO);
      const caller = await rig.join("caller", { labels: { app: "caller" } });
      await rig.answers(caller, "http://web/");
      const missing = `oci://${registry.host}/filters/none:v1`;
      rig.istiod.apply(plugin(missing));
      await rig.answers(caller, "http://web/", 503);
      assert.match(
        rig.log("caller").toString(),
        /Cannot start Wasm plugin .*Cannot fetch module '.*has no image 'v1' there/i,
      );
      rig.istiod.apply(plugin(missing, "failStrategy: FAIL_OPEN"));
      await rig.answers(caller, "http://web/");
      const wrong = registry.file("x.wasm", marking("1"));
      rig.istiod.apply(plugin(wrong, `sha256: "${"1".repeat(64)}"`));
      await rig.answers(caller, "http://web/", 503);
      assert.match(rig.log("caller").toString(), /has SHA-256 '\w{64}', which does not match '1{64}'/);
    })
  );
});

Deno.test("a mesh that is closed while a module is fetched leaves nothing open", async () => {
  await TestRegistry.use((registry) =>
    MeshRig.use(async (rig) => {
      await rig.serve("web", ECHO);
      const caller = await rig.join("caller", { labels: { app: "caller" } });
      registry.fail("x.wasm", { hang: true });
      rig.istiod.apply(plugin(registry.file("x.wasm", marking("1"))));
      await until("the module is asked for", () => registry.requests.length === 1);
      assert.equal(await (await caller.fetch("http://web/")).text(), "none", "the former listener serves meanwhile");
      await caller.close({ drain: 0 });
      assert.equal(caller.openHandles, 0);
    })
  );
});

Deno.test("plugins stand in the order of their phases, on both sides", async () => {
  await TestRegistry.use((registry) =>
    MeshRig.use(async (rig) => {
      const { mesh } = await rig.serve("web", ECHO, { workload: { labels: { app: "web" } } });
      const caller = await rig.join("caller", { labels: { app: "caller" } });
      const at = (name: string, mark: string, more: string) => {
        const spec = `spec: {url: "${registry.file(`${name}.wasm`, marking(mark))}", ${more}}`;
        return `{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: ${name}}, ${spec}}`;
      };
      rig.istiod.apply([
        at("last", "c", "phase: STATS, match: [{mode: CLIENT}]"),
        at("first", "a", "phase: AUTHN, match: [{mode: CLIENT}]"),
        at("server", "d", "match: [{mode: SERVER}]"),
        at("second", "b", "phase: AUTHN, priority: -1, match: [{mode: CLIENT}]"),
      ].join("\n---\n"));
      await until("all of them mark requests", async () => {
        const text = await (await caller.fetch("http://web/")).text();
        return text === "b, a, c, d";
      }, 10_000).catch(async (error) => {
        throw new Error(`${await (await caller.fetch("http://web/")).text()}\n${rig.log("caller")}`, { cause: error });
      });
      assert.equal(mesh.openHandles > 0, true);
    })
  );
});
