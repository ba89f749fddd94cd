/** What the recordings do not show: edges of numbers and times, secrets, bytes that are no message. */
import assert from "node:assert/strict";
import { anyToJson, messageToJson } from "../../lib/protobuf/json.ts";
import { encode, type MessageName, packAny } from "../../lib/protobuf/registry.ts";
import type { Json } from "../../lib/protobuf/well_known.ts";

const bytes = encode as (name: MessageName, message: object) => Uint8Array;
const json = (name: MessageName, message: object): Json => messageToJson(name, bytes(name, message));

Deno.test("durations: as few groups of digits as it takes", () => {
  const cases: [object, string][] = [
    [{}, "0s"],
    [{ seconds: 15 }, "15s"],
    [{ seconds: 1, nanos: 500_000_000 }, "1.500s"],
    [{ nanos: 250_000 }, "0.000250s"],
    [{ nanos: 7 }, "0.000000007s"],
    [{ nanos: -500_000_000 }, "-0.500s"],
    [{ seconds: -3, nanos: -1_000_000 }, "-3.001s"],
  ];
  for (const [duration, text] of cases) assert.equal(json("google.protobuf.Duration", duration), text);
});

Deno.test("wrappers are their value, also where that is the default; 64-bit integers are text", () => {
  assert.deepEqual(
    json("envoy.config.cluster.v3.Cluster", {
      name: "c",
      perConnectionBufferLimitBytes: { value: 0 },
      ringHashLbConfig: { minimumRingSize: { value: 1024 }, maximumRingSize: {} },
    }),
    {
      name: "c",
      per_connection_buffer_limit_bytes: 0,
      ring_hash_lb_config: { minimum_ring_size: "1024", maximum_ring_size: "0" },
    },
  );
  assert.equal(json("google.protobuf.BoolValue", {}), false);
});

Deno.test("an Any holds its fields, a well-known one its value, an unknown one its bytes", () => {
  const open = (any: { typeUrl?: string; value?: Uint8Array }) =>
    anyToJson(any.typeUrl ?? "", any.value ?? new Uint8Array());
  assert.deepEqual(open(packAny("google.protobuf.StringValue", { value: "x" })), {
    "@type": "type.googleapis.com/google.protobuf.StringValue",
    value: "x",
  });
  assert.deepEqual(open(packAny("envoy.extensions.filters.http.router.v3.Router", {})), {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
  });
  assert.deepEqual(anyToJson("type.googleapis.com/example.Unknown", new Uint8Array([1, 2, 3])), {
    "@type": "type.googleapis.com/example.Unknown",
    value: "AQID",
  });
  assert.deepEqual(anyToJson("type.googleapis.com/google.protobuf.Duration", new Uint8Array([0xff])), {
    "@type": "type.googleapis.com/google.protobuf.Duration",
    value: "/w==",
  });
});

Deno.test("keys, passwords and ticket keys are left out, wherever they stand", () => {
  const secret = new TextEncoder().encode("secret");
  const text = JSON.stringify(json("envoy.extensions.transport_sockets.tls.v3.Secret", {
    name: "s",
    tlsCertificate: {
      certificateChain: { inlineString: "public" },
      privateKey: { inlineBytes: secret },
      password: { inlineString: "secret" },
    },
  }));
  assert.ok(text.includes("public") && text.includes("[redacted]") && text.includes(btoa("[redacted]")), text);
  assert.ok(!text.includes('secret"') && !text.includes(secret.toBase64()), text);
});

Deno.test("an enum that is not known is its number; names keep their underscores", () => {
  assert.deepEqual(json("envoy.config.cluster.v3.Cluster", { type: 77, http2ProtocolOptions: {} }), {
    type: 77,
    http2_protocol_options: {},
  });
});
