import assert from "node:assert/strict";
import fc from "fast-check";
import { FieldLines } from "../../../lib/http/http1/field_lines.ts";
import { resolveHttp1Limits } from "../../../lib/http/http1/limits.ts";
import { MessageHead } from "../../../lib/http/http1/message_head.ts";
import { Http1ParseError } from "../../../lib/http/http1/parse_error.ts";

function read(lines: FieldLines, text: string): MessageHead | number {
  const head = new MessageHead();
  try {
    lines.read(`${text}\r\nnext: message\r\n`, 0, text.length, head);
  } catch (error) {
    assert.ok(error instanceof Http1ParseError);
    return error.status;
  }
  return head;
}

/** Lines that often repeat, vanish and change places, good and bad ones. */
const line = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a: 1", "A: 1", "a: 2", "aa: 1", "b: 1 ", "b: 1", "c:", "set-cookie: x") },
  {
    weight: 2,
    arbitrary: fc.constantFrom("host: h", "connection: close", "connection: keep-alive, a", "content-length: 3"),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("transfer-encoding: chunked", "expect: 100-continue", "te: x", "upgrade: y"),
  },
  { weight: 1, arbitrary: fc.constantFrom("a : 1", "no colon", " a: 1", "a: \x01", "content-length: x", "expect: y") },
);

Deno.test("FieldLines reads a head the same whatever it read before", () => {
  fc.assert(
    fc.property(fc.array(fc.array(line, { maxLength: 8 }), { minLength: 1, maxLength: 6 }), (heads) => {
      const used = new FieldLines(resolveHttp1Limits(undefined));
      for (const lines of heads) {
        const text = lines.map((line) => `${line}\r\n`).join("");
        assert.deepEqual(read(used, text), read(new FieldLines(resolveHttp1Limits(undefined)), text));
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("FieldLines keeps what the head says about its message", () => {
  const lines = new FieldLines(resolveHttp1Limits(undefined));
  const head = read(
    lines,
    "Host: h\r\nConnection: Close , Keep-Alive\r\nExpect: 100-Continue\r\nTransfer-Encoding: Chunked\r\n",
  );
  assert.ok(head instanceof MessageHead);
  const { host, close, keepAlive, expectContinue, chunked, contentLength, pairs } = head;
  assert.deepEqual(
    { host, close, keepAlive, expectContinue, chunked, contentLength, pairs },
    { host: "h", close: true, keepAlive: true, expectContinue: true, chunked: true, contentLength: -1, pairs: [] },
  );
});

Deno.test("FieldLines drops nominated fields, but none that carries identity, routing or credentials", () => {
  const lines = new FieldLines(resolveHttp1Limits(undefined));
  const names = [
    "x-hop",
    "x-forwarded-for",
    "x-forwarded-client-cert",
    "x-envoy-internal",
    "authorization",
    "cookie",
    "traceparent",
  ];
  const text = `connection: ${names.join(", ")}\r\n${names.map((name) => `${name}: 1\r\n`).join("")}`;
  const head = read(lines, text);
  assert.ok(head instanceof MessageHead);
  assert.deepEqual(head.pairs.filter((_, i) => i % 2 === 0), names.slice(1));
});

Deno.test("FieldLines counts repeated lines against the limit", () => {
  const lines = new FieldLines(resolveHttp1Limits({ maxFields: 3 }));
  assert.ok(read(lines, "a: 1\r\n".repeat(3)) instanceof MessageHead);
  assert.equal(read(lines, "a: 1\r\n".repeat(4)), 431);
});
