import assert from "node:assert/strict";
import fc from "fast-check";
import { type Body, BytesBody, QueueBody } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { FilteredBody } from "../../../lib/proxy_wasm/http/filtered_body.ts";
import { StreamSide } from "../../../lib/proxy_wasm/http/stream_side.ts";

const LIMIT = 1000;

/** A body whose content is shown to a script of actions; 0 once it has run out. */
class Rig {
  readonly side: StreamSide = new StreamSide();
  readonly shown: { bytes: string; end: boolean }[] = [];
  readonly body: FilteredBody;
  trailersShown = 0;
  overflowed = 0;
  released = 0;
  readonly #actions: number[];

  constructor(inner: Body, actions: readonly number[], options: { limit?: number; declared?: number | null } = {}) {
    this.#actions = [...actions];
    this.side.answerHeaders(0, false);
    this.body = new FilteredBody(
      inner,
      this.side,
      {
        content: (size, end) => {
          const buffer = this.body.buffer!;
          assert.equal(buffer.length, size);
          const bytes = new Uint8Array(size);
          buffer.copyTo(bytes, 0, size);
          this.shown.push({ bytes: new TextDecoder().decode(bytes), end });
          return this.#actions.shift() ?? 0;
        },
        trailers: (count) => {
          this.trailersShown += count;
          return this.#actions.shift() ?? 0;
        },
        overflow: () => void this.overflowed++,
        released: () => void this.released++,
      },
      options.limit ?? LIMIT,
      options.declared ?? null,
    );
  }

  /** The module continues, as `HttpStream` has it. */
  resume(): void {
    if (this.side.resume()) this.body.resumed();
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function turn(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

function queue(): QueueBody {
  return new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
}

/** Reads on in the background; `text` grows. */
function reader(body: Body): { text: string; ended: boolean; error: unknown } {
  const state = { text: "", ended: false, error: null as unknown };
  const next = (): void => {
    body.read().then((chunk) => {
      if (chunk === null) {
        state.ended = true;
        return;
      }
      state.text += new TextDecoder().decode(chunk);
      next();
    }, (error) => state.error = error);
  };
  next();
  return state;
}

Deno.test("every byte passes once and in order, whatever the module answers, unless it drops it", async () => {
  const chunk = fc.string({ unit: fc.constantFrom(..."abcdefgh"), minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunk, { maxLength: 8 }),
      fc.array(fc.nat({ max: 4 }), { maxLength: 12 }),
      fc.array(fc.boolean(), { maxLength: 12 }),
      fc.boolean(),
      async (chunks, actions, resumes, withTrailers) => {
        const inner = queue();
        const rig = new Rig(inner, actions);
        rig.body.start();
        const read = reader(rig.body);
        const resumeAt = [...resumes];
        for (const text of chunks) {
          inner.push(bytes(text));
          await turn();
          if (resumeAt.shift() === true) rig.resume();
          await turn();
        }
        inner.end(withTrailers ? new HeaderList(["x-t", "1"]) : null);
        await turn();
        for (let i = 0; i < 20 && !read.ended; i++) {
          rig.resume();
          await turn();
        }
        assert.equal(read.ended, true);
        assert.equal(read.error, null);
        assert.equal(rig.trailersShown, withTrailers ? 1 : 0);
        assert.equal(rig.body.trailers?.get("x-t") ?? null, withTrailers ? "1" : null);
        assert.equal(rig.shown.filter(({ end }) => end).length, withTrailers ? 0 : 1);
        assert.equal(rig.overflowed, 0);
        // What was dropped is exactly what no earlier buffering had kept; the rest is all there, in order.
        const dropping = actions.slice(0, rig.shown.length).some((action) => action >= 3);
        if (!dropping) assert.equal(read.text, chunks.join(""));
        else assert.ok(isSubsequence(read.text, chunks.join("")));
      },
    ),
    { numRuns: 300 },
  );
});

function isSubsequence(part: string, whole: string): boolean {
  let at = 0;
  for (const c of whole) if (c === part[at]) at++;
  return at === part.length;
}

Deno.test("content that is all there is shown before anybody reads, and handed on whole", () => {
  const rig = new Rig(new BytesBody(bytes("hello")), []);
  rig.body.start();
  assert.deepEqual(rig.shown, [{ bytes: "hello", end: true }]);
  assert.equal(rig.body.length, 5);
  assert.deepEqual(rig.body.whole(), bytes("hello"));
  assert.equal(rig.side.state, "over");
});

Deno.test("an empty body is shown as the end of it", async () => {
  const rig = new Rig(new BytesBody(new Uint8Array(0)), []);
  rig.body.start();
  assert.deepEqual(rig.shown, [{ bytes: "", end: true }]);
  assert.equal(await rig.body.read(), null);
});

Deno.test("nothing is read before the reader wants it, and one chunk at a time", async () => {
  const inner = queue();
  const rig = new Rig(inner, []);
  rig.body.start();
  inner.push(bytes("one"));
  inner.push(bytes("two"));
  await turn();
  assert.equal(inner.buffered, 6);
  assert.deepEqual(await rig.body.read(), bytes("one"));
  await turn();
  assert.equal(rig.shown.length, 1);
});

Deno.test("more than the limit held back to be seen overflows; more held back unseen stops the sender", async () => {
  const inner = queue();
  const rig = new Rig(inner, [1, 1], { limit: 10 });
  rig.body.start();
  void rig.body.read();
  inner.push(bytes("123456"));
  await turn();
  inner.push(bytes("789012"));
  await turn();
  assert.equal(rig.overflowed, 1);
  assert.equal(rig.shown.length, 1);

  const slow = queue();
  const watermark = new Rig(slow, [2, 2, 2, 2], { limit: 10 });
  watermark.body.start();
  void watermark.body.read();
  for (let i = 0; i < 4; i++) {
    slow.push(new Uint8Array(600));
    await turn();
  }
  assert.equal(watermark.shown.length, 1);
  assert.equal(slow.buffered, 1800);
});

Deno.test("a sender that fails fails the reader, after what has passed", async () => {
  const inner = queue();
  const rig = new Rig(inner, [0, 1]);
  rig.body.start();
  inner.push(bytes("one"));
  assert.deepEqual(await rig.body.read(), bytes("one"));
  inner.push(bytes("two"));
  const pending = rig.body.read();
  pending.catch(() => {});
  await turn();
  inner.fail(new Error("Cannot read: gone"));
  await assert.rejects(pending, /gone/);
  await assert.rejects(rig.body.read(), /gone/);
});

Deno.test("a reader that gives up gives up the sender", async () => {
  const cancelled: unknown[] = [];
  const inner = new QueueBody(null, { consumed: () => {}, cancelled: (reason) => cancelled.push(reason) });
  const rig = new Rig(inner, [1]);
  rig.body.start();
  const pending = rig.body.read();
  inner.push(bytes("one"));
  await turn();
  rig.body.cancel("enough");
  assert.equal(await pending, null);
  assert.deepEqual(cancelled, ["enough"]);
  assert.equal(rig.side.stopped, false);
});

Deno.test("changes: before, behind and in place of what is shown, with all that is held back", async () => {
  const inner = queue();
  const rig: Rig = new Rig(inner, [1, 0]);
  rig.body.start();
  const read = reader(rig.body);
  inner.push(bytes("one"));
  await turn();
  const buffer = rig.body.buffer!;
  assert.equal(buffer.splice(0, 0, bytes("<")), true);
  assert.equal(buffer.splice(buffer.length, 0, bytes(">")), true);
  assert.equal(buffer.splice(1, 1, bytes("OOO")), true);
  inner.push(bytes("two"));
  await turn();
  inner.end();
  await turn();
  assert.equal(read.text, "<OOOne>two");
  assert.equal(rig.shown[1]!.bytes, "<OOOne>two");
});
