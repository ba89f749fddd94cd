import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIp } from "../../lib/resource/ip_address.ts";
import { PROXY_PROTOCOL_LOCAL, proxyProtocolHeader } from "../../lib/transport/proxy_protocol.ts";

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const SIGNATURE = "0d0a0d0a000d0a515549540a";

Deno.test("Version 1 is a line of text", () => {
  const text = (source: string, destination: string) =>
    new TextDecoder().decode(
      proxyProtocolHeader(1, { hostname: source, port: 773 }, { hostname: destination, port: 513 }),
    );
  assert.equal(text("174.2.2.222", "172.0.0.1"), "PROXY TCP4 174.2.2.222 172.0.0.1 773 513\r\n");
  assert.equal(text("1::2:3", "a:b:c:d::"), "PROXY TCP6 1::2:3 a:b:c:d:: 773 513\r\n");
});

// The bytes of Envoy's own tests of its header (test/extensions/common/proxy_protocol).
Deno.test("Version 2 is binary", () => {
  assert.equal(
    hex(proxyProtocolHeader(2, { hostname: "1.2.3.4", port: 773 }, { hostname: "0.1.1.2", port: 513 })),
    `${SIGNATURE}2111000c010203040001010203050201`,
  );
  assert.equal(
    hex(proxyProtocolHeader(2, { hostname: "1:2:3::4", port: 8 }, { hostname: "1:100:200:3::", port: 2 })),
    `${SIGNATURE}21210024000100020003000000000000000000040001010002000003000000000000000000080002`,
  );
});

Deno.test("Version 2 for health checks names nobody", () => {
  assert.equal(hex(PROXY_PROTOCOL_LOCAL), `${SIGNATURE}20000000`);
});

Deno.test("Addresses of two families, and names, cannot be written", () => {
  const v4 = { hostname: "1.2.3.4", port: 1 };
  for (const hostname of ["::1", "example.test", ""]) {
    assert.throws(() => proxyProtocolHeader(1, v4, { hostname, port: 1 }), /IP addresses of one family/);
  }
});

Deno.test("What is written can be read back, in both versions and families", () => {
  const port = fc.integer({ min: 0, max: 65_535 });
  const pair = fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6()))
    .filter((ips) => ips.every((ip) => parseIp(ip) !== null));
  fc.assert(fc.property(pair, port, port, ([from, to], sourcePort, targetPort) => {
    const source = { hostname: from, port: sourcePort };
    const destination = { hostname: to, port: targetPort };
    const words = new TextDecoder().decode(proxyProtocolHeader(1, source, destination)).trimEnd().split(" ");
    assert.deepEqual(words.slice(2), [from, to, String(sourcePort), String(targetPort)]);
    const binary = proxyProtocolHeader(2, source, destination);
    const size = parseIp(from)!.length;
    const view = new DataView(binary.buffer);
    assert.equal(view.getUint16(14), binary.length - 16);
    assert.deepEqual(binary.slice(16, 16 + size), parseIp(from));
    assert.deepEqual(binary.slice(16 + size, 16 + 2 * size), parseIp(to));
    assert.deepEqual([view.getUint16(16 + 2 * size), view.getUint16(18 + 2 * size)], [sourcePort, targetPort]);
  }));
});
