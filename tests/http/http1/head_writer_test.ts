import assert from "node:assert/strict";
import fc from "fast-check";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { CHUNKED, UNTIL_CLOSE } from "../../../lib/http/http1/framing.ts";
import { HeadWriter } from "../../../lib/http/http1/head_writer.ts";

/** What a writer writes, or that it refuses; and whether as a string. */
function written(writer: HeadWriter, pairs: string[]): unknown {
  let text: string;
  try {
    text = writer.response(200, new HeaderList(pairs.slice()), 0, 0, null);
  } catch (error) {
    assert.ok(error instanceof TypeError);
    return "refused";
  }
  const calls: unknown[] = [];
  const note = (what: unknown) => {
    calls.push(what);
    return true;
  };
  const stream = {
    writeAscii: (ascii: string) => note(["ascii", ascii]),
    write: (bytes: Uint8Array) => note([...bytes]),
  };
  writer.write(stream as unknown as Parameters<HeadWriter["write"]>[0], text);
  return calls;
}

Deno.test("HeadWriter writes fields the same whatever it wrote before", () => {
  const name = fc.constantFrom("a", "b", "x-c", "connection", "content-length", "bad name", "");
  const value = fc.constantFrom("1", "2", "", "\xe9", "a\r\nb: c", "a\nb", "\0", "\u0100", " x ");
  const fields = fc.array(fc.tuple(name, value), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(fields, { minLength: 1, maxLength: 6 }), (heads) => {
      const used = new HeadWriter();
      for (const fields of heads) {
        assert.deepEqual(written(used, fields.flat()), written(new HeadWriter(), fields.flat()));
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("HeadWriter never writes more lines than fields", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.string(), fc.string({ unit: "binary" }))), (fields) => {
    const writer = new HeadWriter();
    let text: string;
    try {
      text = writer.response(200, new HeaderList(fields.flat()), 0, 0, null);
    } catch (error) {
      assert.ok(error instanceof TypeError);
      return;
    }
    assert.ok(text.split("\r\n").length <= fields.length + 4);
    assert.ok(!/[^\r]\n|\r[^\n]|\0/.test(text));
  }));
});

Deno.test("HeadWriter frames responses", () => {
  const writer = new HeadWriter();
  const head = (framing: number, length: number | null, connection: "close" | "keep-alive" | null) =>
    writer.response(204, new HeaderList(), framing, length, connection).split("\r\n").slice(1, -2);
  assert.deepEqual(head(0, 0, null), ["content-length: 0"]);
  assert.deepEqual(head(0, null, null), []);
  assert.deepEqual(head(5, 5, "keep-alive"), ["content-length: 5", "connection: keep-alive"]);
  assert.deepEqual(head(CHUNKED, CHUNKED, null), ["transfer-encoding: chunked"]);
  assert.deepEqual(head(UNTIL_CLOSE, UNTIL_CLOSE, "close"), ["connection: close"]);
});

Deno.test("HeadWriter writes trailers without what must not be there", () => {
  const writer = new HeadWriter();
  const trailers = new HeaderList([
    "x-a",
    "1",
    "content-length",
    "1",
    "transfer-encoding",
    "chunked",
    "authorization",
    "x",
    "host",
    "h",
  ]);
  assert.equal(writer.trailers(trailers), "x-a: 1\r\n\r\n");
  assert.equal(writer.trailers(null), "\r\n");
  assert.throws(() => writer.trailers(new HeaderList(["x", "a\r\nb"])), TypeError);
});
