import assert from "node:assert/strict";
import { redactExtension } from "../../lib/admin/redact_extension.ts";
import { decode, encode, packAny, unpackAny } from "../../lib/protobuf/registry.ts";
import type { GoogleProtobufAny } from "../../lib/protobuf/gen/messages.ts";
import { jsonToStruct } from "../../lib/protobuf/well_known.ts";
import type { ResourceRecord } from "../../lib/resource/resource_record.ts";

const SECRET = '{"auths":{"registry.example.test":{"username":"u","password":"hunter2"}}}';
const WASM = "envoy.extensions.filters.http.wasm.v3.Wasm";
const NETWORK_WASM = "envoy.extensions.filters.network.wasm.v3.Wasm";
const stamp = { version: "1", at: 0 };

function extension(typedConfig: GoogleProtobufAny): Uint8Array {
  return encode("envoy.config.core.v3.TypedExtensionConfig", { name: "x", typedConfig });
}

function record(bytes: Uint8Array): ResourceRecord {
  return { name: "x", active: { bytes, stamp }, warming: null, failure: { errors: ["no"], stamp, bytes } };
}

function holdsSecret(bytes: Uint8Array | null | undefined): boolean {
  return new TextDecoder().decode(bytes ?? new Uint8Array()).includes("hunter2");
}

const keyValues = { ISTIO_META_WASM_IMAGE_PULL_SECRET: SECRET, MODE: "lab" };

for (const message of [WASM, NETWORK_WASM] as const) {
  Deno.test(`The pull secret of a ${message} is not shown, everything else is`, () => {
    const config = { name: "default.x", vmConfig: { environmentVariables: { keyValues } } };
    const shown = redactExtension(record(extension(packAny(message, { config }))));
    assert.equal(holdsSecret(shown.active?.bytes) || holdsSecret(shown.failure?.bytes), false);
    const { typedConfig } = decode("envoy.config.core.v3.TypedExtensionConfig", shown.active!.bytes);
    assert.deepEqual(unpackAny(message, typedConfig!), {
      config: {
        ...config,
        vmConfig: {
          environmentVariables: { keyValues: { ...keyValues, ISTIO_META_WASM_IMAGE_PULL_SECRET: "[redacted]" } },
        },
      },
    });
  });
}

Deno.test("Nor is that in a TypedStruct, whatever its spelling", () => {
  for (const key of ["key_values", "keyValues"]) {
    const value = jsonToStruct({ config: { vm_config: { environment_variables: { [key]: keyValues } } } });
    const any = packAny("udpa.type.v1.TypedStruct", { typeUrl: `type.googleapis.com/${WASM}`, value });
    const shown = redactExtension(record(extension(any)));
    assert.equal(holdsSecret(shown.active?.bytes), false);
    assert.ok(new TextDecoder().decode(shown.active?.bytes).includes("lab"));
  }
});

Deno.test("What holds no secret is shown as it came; what cannot be read is not shown", () => {
  const bytes = extension(packAny("google.protobuf.StringValue", { value: "x" }));
  assert.equal(redactExtension(record(bytes)).active?.bytes, bytes);
  const broken = extension({ typeUrl: `type.googleapis.com/${WASM}`, value: new TextEncoder().encode(SECRET) });
  const shown = redactExtension(record(broken));
  assert.equal(holdsSecret(shown.active?.bytes) || holdsSecret(shown.failure?.bytes), false);
  assert.deepEqual(shown.failure?.errors, ["no"]);
});
