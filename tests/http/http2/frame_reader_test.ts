import fc from "fast-check";
import assert from "node:assert/strict";
import { Http2ConnectionError } from "../../../lib/http/http2/connection_error.ts";
import { FrameReader } from "../../../lib/http/http2/frame_reader.ts";
import { bytes, frame, PREFACE } from "../../support/http2_peer.ts";

type Seen = [type: number, flags: number, stream: number, payload: number[]];

function reader(preface?: Uint8Array): { reader: FrameReader; seen: Seen[] } {
  const seen: Seen[] = [];
  const onFrame = (type: number, flags: number, stream: number, data: Uint8Array, start: number, end: number) =>
    void seen.push([type, flags, stream, [...data.subarray(start, end)]]);
  return { reader: new FrameReader({ onFrame }, 100, preface), seen };
}

Deno.test("frames come out the same whatever the chunks", () => {
  const parts = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(0x7fffffff), fc.uint8Array({ maxLength: 100 }));
  fc.assert(fc.property(fc.array(parts, { maxLength: 8 }), fc.array(fc.nat(1000)), (frames, cuts) => {
    const whole = bytes(PREFACE, ...frames.map(([type, flags, id, payload]) => frame(type, flags, id, payload)));
    const edges = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length];
    const { reader: each, seen } = reader(PREFACE);
    for (let i = 1; i < edges.length; i++) each.push(whole.slice(edges[i - 1]!, edges[i]!));
    assert.deepEqual(seen, frames.map(([type, flags, id, payload]) => [type, flags, id, [...payload]]));
  }));
});

Deno.test("the reserved bit of a stream identifier is ignored", () => {
  const { reader: each, seen } = reader();
  each.push(frame(9, 0, 0x80000003));
  assert.deepEqual(seen, [[9, 0, 3, []]]);
});

Deno.test("a frame above the limit and a wrong preface are refused at their first bytes", () => {
  assert.throws(() => reader().reader.push(frame(0, 0, 1, new Uint8Array(101)).subarray(0, 9)), Http2ConnectionError);
  assert.throws(() => reader(PREFACE).reader.push(new TextEncoder().encode("GET / H")), Http2ConnectionError);
});

Deno.test("nothing comes out after stop", () => {
  const { reader: each, seen } = reader();
  each.push(frame(1, 0, 1));
  each.stop();
  each.push(frame(1, 0, 3));
  assert.equal(seen.length, 1);
});
