import assert from "node:assert/strict";
import fc from "fast-check";
import { decode, encode } from "../../lib/protobuf/registry.ts";
import { readDeltaResponse } from "../../lib/xds/delta_response.ts";

const MESSAGE = "envoy.service.discovery.v3.DeltaDiscoveryResponse";

Deno.test("readDeltaResponse reads what a protobuf library reads, of what is used", () => {
  const text = fc.string({ maxLength: 12 });
  const resource = fc.record({
    name: text,
    version: fc.constantFrom("", "1", "2"),
    resource: fc.record({ typeUrl: fc.constantFrom("a/b", "c"), value: fc.uint8Array({ maxLength: 20 }) }),
    aliases: fc.array(text, { maxLength: 2 }),
  });
  const response = fc.record({
    systemVersionInfo: text,
    typeUrl: text,
    nonce: text,
    resources: fc.array(resource, { maxLength: 5 }),
    removedResources: fc.array(text, { maxLength: 3 }),
  });
  const plain = (message: ReturnType<typeof readDeltaResponse>) => ({
    systemVersionInfo: message.systemVersionInfo ?? "",
    typeUrl: message.typeUrl ?? "",
    nonce: message.nonce ?? "",
    removed: message.removedResources ?? [],
    resources: (message.resources ?? []).map(({ name = "", version = "", resource }) => [
      name,
      version,
      resource?.typeUrl ?? "",
      [...resource?.value ?? []],
    ]),
  });
  fc.assert(fc.property(response, (message) => {
    const bytes = encode(MESSAGE, message);
    assert.deepEqual(plain(readDeltaResponse(bytes)), plain(decode(MESSAGE, bytes)));
  }));
});

Deno.test("readDeltaResponse refuses what is no message", () => {
  for (const bytes of [[0x0a, 5, 1], [0x12, 3, 0x12, 5, 1], [0xff]]) {
    assert.throws(() => readDeltaResponse(Uint8Array.from(bytes)), RangeError);
  }
});
