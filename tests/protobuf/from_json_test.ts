import assert from "node:assert/strict";
import { messageFromJson } from "../../lib/protobuf/from_json.ts";
import { decode } from "../../lib/protobuf/registry.ts";
import type { Json } from "../../lib/protobuf/well_known.ts";

const WASM = "envoy.extensions.filters.http.wasm.v3.Wasm";

Deno.test("a message is read from JSON, names of fields in either case", () => {
  const bytes = messageFromJson(WASM, {
    config: {
      name: "plugin",
      root_id: "root",
      failOpen: true,
      reload_config: { backoff: { base_interval: "1.500s" } },
      allow_on_headers_stop_iteration: true,
      failure_policy: "FAIL_RELOAD",
      capability_restriction_config: { allowed_capabilities: { proxy_log: {} } },
      vm_config: {
        vm_id: null,
        code: { local: { inline_bytes: "AGFzbQ==" } },
        configuration: { "@type": "type.googleapis.com/google.protobuf.Struct", value: { a: [1, null, "x"] } },
        environment_variables: { host_env_keys: ["A"], key_values: { B: "1" } },
      },
      configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "text" },
    },
  });
  const { config } = decode(WASM, bytes);
  assert.equal(config!.rootId, "root");
  assert.equal(config!.failOpen, true);
  assert.equal(config!.failurePolicy, "FAIL_RELOAD");
  assert.deepEqual(config!.reloadConfig!.backoff!.baseInterval, { seconds: 1, nanos: 500_000_000 });
  assert.equal(config!.allowOnHeadersStopIteration!.value, true);
  assert.deepEqual(Object.keys(config!.capabilityRestrictionConfig!.allowedCapabilities!), ["proxy_log"]);
  assert.equal(config!.vmConfig!.vmId, undefined);
  assert.deepEqual([...config!.vmConfig!.code!.local!.inlineBytes!], [0, 97, 115, 109]);
  assert.deepEqual(config!.vmConfig!.environmentVariables, { hostEnvKeys: ["A"], keyValues: { B: "1" } });
  assert.equal(decode("google.protobuf.StringValue", config!.configuration!.value!).value, "text");
});

Deno.test("what does not fit is refused with the field", () => {
  const nested = (depth: number): Json => depth === 0 ? 1 : { a: nested(depth - 1) };
  const table: readonly (readonly [Json, RegExp])[] = [
    [[], /must be an object/],
    [{ nothing: 1 }, /'nothing': message '.*Wasm' has no such field/],
    [{ config: { name: 1 } }, /'config.name': it must be a string/],
    [{ config: { fail_open: "yes" } }, /'config.fail_open': it must be a boolean/],
    [{ config: { failure_policy: [] } }, /'config.failure_policy': it must be a number or a name/],
    [{ config: { configuration: { value: 1 } } }, /'config.configuration': it has no '@type'/],
    [{ config: { configuration: { "@type": "x/y.Z" } } }, /message 'y.Z' is not known/],
    [{ config: { reload_config: { backoff: { base_interval: 1 } } } }, /base_interval': it must be a duration/],
    [{ config: { vm_config: { environment_variables: { host_env_keys: "A" } } } }, /host_env_keys': it must be a list/],
    [{ config: nested(10) }, /has no such field/],
  ];
  for (const [json, reason] of table) assert.throws(() => messageFromJson(WASM, json), reason);
});
