import assert from "node:assert/strict";
import type { EnvoyConfigCoreV3TypedExtensionConfig, GoogleProtobufAny } from "../../lib/protobuf/gen/messages.ts";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import { jsonToStruct } from "../../lib/protobuf/well_known.ts";
import { type FilterParser, NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import { parseExtension } from "../../lib/resource/parse_extension.ts";

const KNOWN: FilterParser = {
  parse(bytes, form) {
    if (bytes.length === 0) throw new Error("It is empty");
    return { form };
  },
};
const PARSERS = {
  ...NO_FILTER_PARSERS,
  http: new Map([["google.protobuf.StringValue", KNOWN], ["both", KNOWN]]),
  network: new Map([["google.protobuf.UInt32Value", KNOWN], ["both", KNOWN]]),
};

function parse(fields: EnvoyConfigCoreV3TypedExtensionConfig) {
  return parseExtension(encode("envoy.config.core.v3.TypedExtensionConfig", { name: "x", ...fields }), PARSERS);
}

function errors(fields: EnvoyConfigCoreV3TypedExtensionConfig): readonly string[] {
  const result = parse(fields);
  assert.equal(result.ok, false);
  return result.ok ? [] : result.errors;
}

const TEXT = packAny("google.protobuf.StringValue", { value: "x" });
const PLAN = { form: "message" };

Deno.test("An extension is read by the parsers of its type, for HTTP and for connections", () => {
  const value = (typedConfig: GoogleProtobufAny) => {
    const result = parse({ typedConfig });
    assert.ok(result.ok);
    assert.deepEqual(result.unsupported, []);
    return result.value;
  };
  const text = "google.protobuf.StringValue";
  assert.deepEqual(value(TEXT), { name: "x", typeUrl: text, http: PLAN, network: null });
  const number = packAny("google.protobuf.UInt32Value", { value: 1 });
  assert.deepEqual(value(number), { name: "x", typeUrl: "google.protobuf.UInt32Value", http: null, network: PLAN });
  const both = { typeUrl: "t/both", value: new Uint8Array(1) };
  assert.deepEqual(value(both), { name: "x", typeUrl: "both", http: PLAN, network: PLAN });
  const struct = packAny("udpa.type.v1.TypedStruct", { typeUrl: "t/both", value: jsonToStruct({ a: 1 }) });
  assert.deepEqual(value(struct)?.http, { form: "struct" });
});

Deno.test("An extension of a type that is not supported is taken in and reported", () => {
  const result = parse({ typedConfig: packAny("google.protobuf.BoolValue", {}) });
  assert.ok(result.ok);
  assert.deepEqual(result.value, { name: "x", typeUrl: "google.protobuf.BoolValue", http: null, network: null });
  assert.deepEqual(result.unsupported, [{ path: "typed_config", what: "google.protobuf.BoolValue" }]);
});

Deno.test("What is wrong with an extension is said by field", () => {
  assert.deepEqual(errors({ name: "" }), [
    "Cannot use 'name': it must not be empty, current value is ''",
    "Cannot use 'typed_config': it must be given",
  ]);
  assert.deepEqual(errors({ typedConfig: {} }), [
    "Cannot use 'typed_config.type_url': it must not be empty, current value is ''",
  ]);
  assert.deepEqual(errors({ typedConfig: packAny("google.protobuf.StringValue", {}) }), [
    "Cannot use 'typed_config': 'google.protobuf.StringValue' is not valid (It is empty)",
  ]);
});
