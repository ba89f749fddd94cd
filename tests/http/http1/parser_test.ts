import assert from "node:assert/strict";
import fc from "fast-check";
import type { HeaderList } from "../../../lib/http/header_list.ts";
import { type Framing, requestFraming } from "../../../lib/http/http1/framing.ts";
import { encodeLatin1 } from "../../../lib/http/http1/latin1.ts";
import { resolveHttp1Limits } from "../../../lib/http/http1/limits.ts";
import type { MessageHead } from "../../../lib/http/http1/message_head.ts";
import { Http1ParseError } from "../../../lib/http/http1/parse_error.ts";
import { Http1Parser, type ParserOwner } from "../../../lib/http/http1/parser.ts";
import { parseRequestLine, type RequestLine } from "../../../lib/http/http1/request_line.ts";

interface Message {
  method: string;
  path: string;
  pairs: string[];
  content: string;
  trailers: string[] | null;
}

/** Writes down what it is told. */
class Recorder implements ParserOwner<RequestLine> {
  readonly messages: Message[] = [];
  complete = 0;

  onHead(line: RequestLine, head: MessageHead): Framing {
    this.messages.push({ method: line.method, path: line.path, pairs: head.pairs, content: "", trailers: null });
    return requestFraming(head, line.version);
  }
  onWhole(content: Uint8Array | null): void {
    if (content !== null) this.onContent(content);
    this.complete++;
  }
  onContentStart(): void {}
  onContent(bytes: Uint8Array): void {
    assert.ok(bytes.length > 0);
    this.messages.at(-1)!.content += String.fromCharCode(...bytes);
  }
  onContentEnd(trailers: HeaderList | null): void {
    this.messages.at(-1)!.trailers = trailers?.pairs ?? null;
    this.complete++;
  }
}

function parse(pieces: Uint8Array[]): Recorder {
  const recorder = new Recorder();
  const parser = new Http1Parser(parseRequestLine, recorder, resolveHttp1Limits(undefined));
  // The parser owns and may change what it is given.
  for (const piece of pieces) parser.push(new Uint8Array(piece));
  parser.finish();
  return recorder;
}

function split(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const to of [...at, bytes.length]) {
    if (to > from) pieces.push(bytes.subarray(from, to));
    from = to;
  }
  return pieces;
}

const token = fc.stringMatching(/^x-[a-z0-9!#$%&'*+.^_`|~-]{1,12}$/);
const value = fc.stringMatching(/^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]{0,20}[\x21-\x7e\x80-\xff])?)?$/);
const fields = fc.array(fc.tuple(token, value), { maxLength: 8 });
const content = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const chunks = fc.array(content.filter((text) => text.length > 0), { maxLength: 5 });

/** A message with the bytes that say it. */
const message = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "BREW"),
  path: fc.stringMatching(/^\/[a-z0-9?&=%.-]{0,20}$/),
  fields,
  body: fc.oneof(
    fc.constant(null),
    fc.record({ kind: fc.constant("length" as const), content }),
    fc.record({ kind: fc.constant("chunked" as const), chunks, trailers: fc.option(fields) }),
  ),
}).map(({ method, path, fields, body }) => {
  const pairs = fields.flatMap(([name, value]) => [name, value]);
  let bytes = `${method} ${path} HTTP/1.1\r\nHost: a\r\n` + fields.map(([n, v]) => `${n}: ${v}\r\n`).join("");
  const expected: Message = { method, path, pairs, content: "", trailers: null };
  if (body === null) {
    bytes += "\r\n";
  } else if (body.kind === "length") {
    bytes += `content-length: ${body.content.length}\r\n\r\n${body.content}`;
    expected.pairs = [...pairs, "content-length", `${body.content.length}`];
    expected.content = body.content;
  } else {
    bytes += "Transfer-Encoding: chunked\r\n\r\n";
    for (const chunk of body.chunks) bytes += `${chunk.length.toString(16)};x=y\r\n${chunk}\r\n`;
    const trailers = body.trailers ?? [];
    bytes += `0\r\n${trailers.map(([n, v]) => `${n}: ${v}\r\n`).join("")}\r\n`;
    expected.content = body.chunks.join("");
    if (trailers.length > 0) expected.trailers = trailers.flatMap(([n, v]) => [n, v]);
  }
  return { bytes, expected };
});

const conversation = fc.array(message, { minLength: 1, maxLength: 4 });
const cuts = fc.array(fc.nat(2000), { maxLength: 20 });

Deno.test("Http1Parser reads the same messages however their bytes are split", () => {
  fc.assert(fc.property(conversation, cuts, (messages, cuts) => {
    const bytes = encodeLatin1(messages.map((message) => message.bytes).join(""));
    const recorder = parse(split(bytes, cuts));
    assert.deepEqual(recorder.messages, messages.map((message) => message.expected));
    assert.equal(recorder.complete, messages.length);
  }));
});

Deno.test("Http1Parser reads the same messages byte by byte", () => {
  fc.assert(
    fc.property(conversation, (messages) => {
      const bytes = encodeLatin1(messages.map((message) => message.bytes).join(""));
      const recorder = parse(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)));
      assert.deepEqual(recorder.messages, messages.map((message) => message.expected));
    }),
    { numRuns: 20 },
  );
});

Deno.test("Http1Parser throws nothing but Http1ParseError for mutated input, and the same however it is split", () => {
  const mutation = fc.record({
    at: fc.nat(2000),
    kind: fc.constantFrom("replace", "insert", "delete", "cut"),
    byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(13, 10, 32, 58, 59, 0, 48)),
  });
  fc.assert(
    fc.property(conversation, fc.array(mutation, { minLength: 1, maxLength: 4 }), cuts, (messages, mutations, cuts) => {
      let text = messages.map((message) => message.bytes).join("");
      for (const { at, kind, byte } of mutations) {
        const i = at % text.length;
        const insert = kind === "insert" || kind === "replace" ? String.fromCharCode(byte) : "";
        text = text.slice(0, i) + insert + (kind === "cut" ? "" : text.slice(kind === "insert" ? i : i + 1));
        if (text === "") return;
      }
      const bytes = encodeLatin1(text);
      assert.deepEqual(outcome([bytes]), outcome(split(bytes, cuts)));
    }),
    { numRuns: 500 },
  );
});

Deno.test("Http1Parser throws nothing but Http1ParseError for garbage", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (bytes, cuts) => {
    outcome(split(bytes, cuts));
  }));
});

/** The complete messages and whether an error came; what an incomplete message showed depends on the split. */
function outcome(pieces: Uint8Array[]): { messages: Message[]; failed: boolean } {
  const recorder = new Recorder();
  const parser = new Http1Parser(parseRequestLine, recorder, resolveHttp1Limits(undefined));
  let failed = false;
  try {
    for (const piece of pieces) parser.push(new Uint8Array(piece));
    parser.finish();
  } catch (error) {
    assert.ok(error instanceof Http1ParseError, String(error));
    failed = true;
    // Dead: whatever comes next changes nothing.
    parser.push(encodeLatin1("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
    parser.finish();
  }
  return { messages: recorder.messages.slice(0, recorder.complete), failed };
}

Deno.test("Http1Parser holds back what follows a message until it is released", () => {
  const recorder = new Recorder();
  const parser = new Http1Parser(parseRequestLine, recorder, resolveHttp1Limits(undefined));
  parser.hold();
  parser.push(encodeLatin1("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\n"));
  assert.equal(recorder.messages.length, 0);
  assert.ok(parser.stashed && !parser.atStart);
  parser.release();
  assert.equal(recorder.messages.length, 1);
  assert.ok(!parser.stashed && !parser.atStart);
  parser.push(encodeLatin1("host: a\r\n\r\n"));
  assert.deepEqual(recorder.messages.map((message) => message.path), ["/1", "/2"]);
  assert.ok(parser.atStart);
});

Deno.test("Http1Parser reads heads larger than its first look", () => {
  for (const size of [4000, 4060, 4096, 5000, 60_000]) {
    const bytes = encodeLatin1(
      `GET / HTTP/1.1\r\nhost: a\r\nx-a: ${"y".repeat(size)}\r\n\r\nGET /2 HTTP/1.1\r\nhost: b\r\n\r\n`,
    );
    const recorder = parse([bytes]);
    assert.equal(recorder.messages[0]!.pairs[1]!.length, size);
    assert.equal(recorder.messages[1]!.path, "/2");
  }
});

Deno.test("Http1Parser works in linear time on heads that come byte by byte", () => {
  const bytes = encodeLatin1(
    `GET / HTTP/1.1\r\nhost: a\r\n${"x-a: yyyyyyyyyyyyyy\r\n".repeat(90)}x: ${"z".repeat(50_000)}\r\n\r\n`,
  );
  const started = performance.now();
  const recorder = parse(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)));
  assert.equal(recorder.complete, 1);
  // Quadratic work would take minutes; the bound is no measurement.
  assert.ok(performance.now() - started < 5000);
});
