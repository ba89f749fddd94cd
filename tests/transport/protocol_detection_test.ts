import assert from "node:assert/strict";
import fc from "fast-check";
import { detectProtocol, MAX_DETECTION_BYTES } from "../../lib/transport/protocol_detection.ts";
import { clientHello } from "../support/client_hello.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

for (
  const [text, expected] of [
    ["GET / HTTP/1.1\r\n", { kind: "http", protocol: "http/1.1" }],
    ["POST /a?b HTTP/1.0\r\nhost: x", { kind: "http", protocol: "http/1.0" }],
    ["M-SEARCH * HTTP/1.1\n", { kind: "http", protocol: "http/1.1" }],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", { kind: "http", protocol: "h2c" }],
    ["GET / HTTP/2.0\r\n", { kind: "raw" }],
    ["GET /\r\n", { kind: "raw" }],
    ["GET /a\0", { kind: "raw" }],
    ["get / HTTP/1.1\r\n", { kind: "raw" }],
    ["SSH-2.0-OpenSSH\r\n", { kind: "raw" }],
    ["*1\r\n$4\r\nPING\r\n", { kind: "raw" }],
    ["\x16\x03\x01\x00\x00", { kind: "raw" }],
    ["PRI * HTTP/1.1\r\n", { kind: "raw" }],
    ["", null],
    ["P", null],
    ["PR", null],
    ["PRI * HTTP/2.0\r\n\r\nSM", null],
    ["OPTIONS", null],
    ["GET /a HTTP/1.", null],
    ["GET /a HTTP/1.1\r", null],
    ["\x16", null],
  ] as const
) {
  Deno.test(`${JSON.stringify(text)} is ${expected === null ? "undecided" : JSON.stringify(expected)}`, () => {
    assert.deepEqual(detectProtocol(bytes(text)), expected);
  });
}

Deno.test("a ClientHello is TLS with its names", () => {
  assert.deepEqual(detectProtocol(clientHello()), { kind: "tls", sni: "example.com", alpn: ["h2", "http/1.1"] });
});

Deno.test("a request line without end is given up", () => {
  assert.equal(detectProtocol(bytes("GET /" + "a".repeat(1000))), null);
  assert.deepEqual(detectProtocol(bytes("GET /" + "a".repeat(MAX_DETECTION_BYTES))), { kind: "raw" });
});

Deno.test("any bytes get an answer, and a decision is never taken back", () => {
  const start = fc.constantFrom("", "GET ", "PRI * HTTP/2.0\r\n", "POST / HTTP/1.1", "\x16\x03\x01\x00\x40\x01");
  fc.assert(fc.property(start, fc.uint8Array({ maxLength: 60 }), fc.nat(80), (start, tail, cut) => {
    const all = new Uint8Array([...bytes(start), ...tail]);
    const early = detectProtocol(all.subarray(0, cut));
    if (early !== null && early.kind !== "http") assert.deepEqual(detectProtocol(all), early);
  }));
});
