import assert from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import { decode, encode, type MessageName, verify } from "../../lib/protobuf/registry.ts";
import { readRecording, recordingNames } from "../vector/recording.ts";

const MESSAGE: Record<string, MessageName> = {
  cluster: "envoy.config.cluster.v3.Cluster",
  endpoint: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "envoy.config.listener.v3.Listener",
  route: "envoy.config.route.v3.RouteConfiguration",
  nameTable: "istio.networking.nds.v1.NameTable",
};

Deno.test("WireChecker accepts every resource of the recordings", () => {
  let count = 0;
  for (const name of recordingNames()) {
    for (const { kind, update } of readRecording(name).updates) {
      for (const bytes of update.changed.values()) {
        verify(MESSAGE[kind]!, bytes);
        count++;
      }
    }
  }
  assert.ok(count > 500, String(count));
});

Deno.test("WireChecker refuses what a decoder cannot get through: truncated and overwritten resources", () => {
  const resources = ["basic/sleep", "resilience/sleep"].flatMap((name) =>
    readRecording(name).updates.flatMap(({ kind, update }) =>
      [...update.changed.values()].map((bytes) => ({ message: MESSAGE[kind]!, bytes }))
    )
  );
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...resources), fc.nat(), fc.nat(255), fc.boolean(), (resource, at, value, cut) => {
      const bytes = resource.bytes.slice();
      const place = at % bytes.length;
      bytes[place] = value;
      const input = cut ? bytes.subarray(0, place) : bytes;
      let error: unknown = null;
      try {
        verify(resource.message, input);
      } catch (thrown) {
        error = thrown;
      }
      if (error !== null) {
        refused++;
        assert.match(String(error), /^RangeError: Cannot read '[\w.]+': .+ \(at byte '\d+'\)$/);
      } else assert.ok(decode(resource.message, input));
    }),
    { numRuns: 3000 },
  );
  assert.ok(refused > 100, String(refused));
});

const CASES: [string, number[], string][] = [
  ["a field number that does not end", [0x80], "a field number does not end"],
  ["a number that does not end", [0x10, 0x80, 0x80], "the number in field '2' does not end"],
  ["a number of more than ten bytes", [0x10, ...Array(11).fill(0x80), 0], "the number in field '2' does not end"],
  ["a length that does not end", [0x0a, 0xff], "the length of field '1' does not end"],
  ["a string that ends behind the message", [0x0a, 5, 65], "field '1' ends behind the message"],
  ["a length beyond all bounds", [0x0a, ...Array(9).fill(0xff), 1], "field '1' ends behind the message"],
  ["four bytes of which three are there", [0xfd, 0x3f, 1, 2, 3], "field '1023' ends behind the message"],
  ["eight bytes of which none are there", [0xf9, 0x3f], "field '1023' ends behind the message"],
  ["a group", [0x0b], "wire type '3' of field '1' is not known"],
  ["field number 0", [0x00, 1], "field number '0' is not allowed"],
  ["a nested message that is none", [0x1a, 2, 0x0a, 9], "field '1' ends behind the message"],
];
for (const [name, bytes, reason] of CASES) {
  Deno.test(`WireChecker refuses ${name}`, () => {
    assert.throws(() => verify("envoy.config.cluster.v3.Cluster", Uint8Array.from(bytes)), (error: Error) => {
      assert.ok(error instanceof RangeError && error.message.includes(reason), error.message);
      return true;
    });
  });
}

Deno.test("WireChecker opens the values of maps", () => {
  const name = "google.protobuf.Struct";
  const bytes = encode(name, { fields: { a: { stringValue: "text" } } });
  verify(name, bytes);
  // The last field inside the entry is the Value, a message whose string is now said to be longer than it is.
  const broken = bytes.slice();
  broken[broken.length - 5] = 0x7f;
  assert.throws(() => verify(name, broken), /field '3' ends behind the message/);
});

Deno.test("WireChecker refuses messages that are nested without end", () => {
  let value: Uint8Array = new Uint8Array();
  const wrap = (field: number, inner: Uint8Array) => {
    const writer = protobuf.Writer.create().uint32(field << 3 | 2).bytes(inner);
    return writer.finish();
  };
  // Value.list_value (6) -> ListValue.values (1) -> Value ...
  for (let depth = 0; depth < 60; depth++) value = wrap(6, wrap(1, value));
  assert.throws(() => verify("google.protobuf.Value", value), /nested too deeply/);
});
