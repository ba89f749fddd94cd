import assert from "node:assert/strict";
import { wasmFilter } from "../../filters/wasm.ts";
import type { EnvoyExtensionsWasmV3PluginConfig } from "../../lib/protobuf/gen/messages.ts";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import { jsonToStruct } from "../../lib/protobuf/well_known.ts";
import { parsePluginConfig } from "../../lib/proxy_wasm/parse_plugin_config.ts";
import { Issues } from "../../lib/resource/issues.ts";
import { callOf, filterContext, request } from "../support/calls.ts";
import { recorder } from "../support/wasm_recorder.ts";
import { TestEnvironment, wasmHost } from "../support/wasm_rig.ts";
import { textResponse } from "../support/wasm_stream.ts";

const CONFIG = "envoy.extensions.filters.http.wasm.v3.Wasm";
const BYTES = recorder();

function config(overrides: Partial<EnvoyExtensionsWasmV3PluginConfig> = {}): EnvoyExtensionsWasmV3PluginConfig {
  return {
    name: "default.plugin",
    rootId: "root",
    vmConfig: { vmId: "vm", runtime: "envoy.wasm.runtime.v8", code: { local: { inlineBytes: BYTES } } },
    ...overrides,
  };
}

function read(message: EnvoyExtensionsWasmV3PluginConfig) {
  const issues = new Issues();
  return { parsed: parsePluginConfig(issues, "config", message), issues };
}

Deno.test("wasm: the configuration is read with Envoy's defaults", () => {
  const { parsed, issues } = read(config());
  assert.deepEqual(issues.errors, []);
  assert.equal(parsed.failurePolicy, "closed");
  assert.deepEqual(parsed.reload, { baseMs: 1000, maxMs: 10_000 });
  assert.equal(parsed.allowOnHeadersStopIteration, false);
  assert.equal(parsed.vm.capabilities, null);
  assert.equal(parsed.vm.code.kind, "inline");
});

Deno.test("wasm: everything that can be said is read", () => {
  const { parsed, issues } = read(config({
    failurePolicy: "FAIL_RELOAD",
    reloadConfig: { backoff: { baseInterval: { seconds: 2 }, maxInterval: { seconds: 5 } } },
    allowOnHeadersStopIteration: { value: true },
    capabilityRestrictionConfig: { allowedCapabilities: { proxy_log: {} } },
    vmConfig: {
      code: {
        remote: {
          httpUri: { uri: "oci://registry.example/filter:1", timeout: { seconds: 30 } },
          sha256: "AB".repeat(32),
        },
      },
      environmentVariables: {
        keyValues: {
          A: "1",
          ISTIO_META_WASM_IMAGE_PULL_POLICY: "Always",
          ISTIO_META_WASM_IMAGE_PULL_SECRET: "{}",
          ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: "7",
        },
      },
    },
  }));
  assert.deepEqual(issues.errors, []);
  assert.equal(parsed.failurePolicy, "reload");
  assert.deepEqual(parsed.reload, { baseMs: 2000, maxMs: 5000 });
  assert.equal(parsed.allowOnHeadersStopIteration, true);
  assert.deepEqual([...parsed.vm.capabilities!], ["proxy_log"]);
  assert.deepEqual([...parsed.vm.environment], [["A", "1"]]);
  assert.deepEqual(parsed.vm.code, {
    kind: "remote",
    url: "oci://registry.example/filter:1",
    sha256: "ab".repeat(32),
    timeoutMs: 30_000,
    pull: { policy: "Always", secret: "{}", version: "7" },
    plugin: parsed.name,
  });
});

Deno.test("wasm: configurations reach the module as Envoy gives them", () => {
  const text = (any: ReturnType<typeof packAny>) =>
    new TextDecoder().decode(read(config({ configuration: any })).parsed.configuration);
  assert.equal(
    text(packAny("google.protobuf.Struct", jsonToStruct({ b: [1, "x"], a: null }))),
    `{"a":null,"b":[1,"x"]}`,
  );
  assert.equal(text(packAny("google.protobuf.StringValue", { value: "hé" })), "hé");
  assert.equal(text(packAny("google.protobuf.BytesValue", { value: new TextEncoder().encode("raw") })), "raw");
  assert.deepEqual(
    read(config({ configuration: { typeUrl: "type.googleapis.com/x.Y", value: Uint8Array.of(8, 1) } })).parsed
      .configuration,
    Uint8Array.of(8, 1),
  );
});

Deno.test("wasm: what cannot be is refused with the field, what is not supported is told", () => {
  const refused: readonly (readonly [EnvoyExtensionsWasmV3PluginConfig, RegExp])[] = [
    [{ name: "x" }, /'config.vm_config'/],
    [config({ vmConfig: {} }), /'config.vm_config.code'/],
    [config({ vmConfig: { code: { remote: { httpUri: { uri: "ftp://x" } } } } }), /http_uri.uri/],
    [config({ vmConfig: { code: { remote: { httpUri: { uri: "https://x/y" }, sha256: "12" } } } }), /sha256/],
    [config({ failOpen: true, failurePolicy: "FAIL_CLOSED" }), /'config.fail_open'/],
    [config({ failurePolicy: 9 }), /failure_policy/],
    [
      config({ reloadConfig: { backoff: { baseInterval: { seconds: 5 }, maxInterval: { seconds: 1 } } } }),
      /max_interval/,
    ],
  ];
  for (const [message, reason] of refused) {
    assert.throws(() => wasmFilter.parse(encode(CONFIG, { config: message })), reason);
  }
  const plan = wasmFilter.parse(encode(CONFIG, {
    config: config({ vmConfig: { ...config().vmConfig!, environmentVariables: { hostEnvKeys: ["HOME"] } } }),
  }));
  assert.match(plan.unsupported![0]!, /host_env_keys: HOME/);
});

Deno.test("wasm: runs where there is a host, and refuses every request where there is none", async () => {
  const plan = wasmFilter.parse(encode(CONFIG, { config: config() }));
  const next = () => Promise.resolve(textResponse("ok"));
  const refusing = plan.create(filterContext())!(next);
  await assert.rejects(() => refusing(request(), callOf(request())), /there is nothing to run it on/);
  const environment = new TestEnvironment();
  const host = wasmHost(environment);
  const running = plan.create(filterContext({ wasm: host }), "name")!(next);
  const given = request();
  const call = callOf(given);
  // The first request waits for the module, which is at hand.
  assert.equal((await running(given, call)).status, 200);
  call.exchange.complete();
  assert.ok(environment.logged.includes("req-headers 4 1"));
  host.close();
});

Deno.test("wasm: a configuration in a TypedStruct is the same", () => {
  const struct = jsonToStruct({
    config: {
      name: "plugin",
      vm_config: { code: { remote: { http_uri: { uri: "https://x/y.wasm", timeout: "5s" } } } },
    },
  });
  assert.notEqual(wasmFilter.parse(encode("google.protobuf.Struct", struct), "struct").create(filterContext()), null);
  const wrong = jsonToStruct({ config: { nmae: "plugin" } });
  assert.throws(
    () => wasmFilter.parse(encode("google.protobuf.Struct", wrong), "struct"),
    /'config.nmae': message .* has no such field/,
  );
});
