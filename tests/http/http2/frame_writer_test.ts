import assert from "node:assert/strict";
import { FrameWriter } from "../../../lib/http/http2/frame_writer.ts";
import { HpackDecoder } from "../../../lib/http/http2/hpack_decoder.ts";
import { HpackEncoder } from "../../../lib/http/http2/hpack_encoder.ts";
import { bytes, Http2Peer } from "../../support/http2_peer.ts";
import { streamPair } from "../../support/stream_pair.ts";

/** The next turn of the event loop: every microtask has run. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("a header block longer than a frame goes on in CONTINUATION", async () => {
  const [ours, theirs] = streamPair();
  const frames: { type: number; flags: number; payload: Uint8Array }[] = [];
  let received: Uint8Array = new Uint8Array(0);
  theirs.start({ onData: (chunk) => void (received = bytes(received, chunk)), onEnd() {}, onDrain() {}, onClose() {} });
  const writer = new FrameWriter(ours, () => {});
  const pairs = Array.from({ length: 40 }, (_, i) => [`x-${i}`, String(i).repeat(600)]).flat();
  writer.headers(1, [":status", "200"], pairs, true, new HpackEncoder());
  writer.data(1, new Uint8Array(0), 0, 0, true);
  await turn();
  while (received.length > 0) {
    const length = received[0]! << 16 | received[1]! << 8 | received[2]!;
    frames.push({ type: received[3]!, flags: received[4]!, payload: received.slice(9, 9 + length) });
    received = received.slice(9 + length);
  }
  assert.deepEqual(frames.map(({ type, flags }) => [type, flags]), [[1, 1], [9, 0], [9, 4], [0, 1]]);
  assert.ok(frames.every(({ payload }) => payload.length <= 16_384));
  const block = bytes(...frames.slice(0, 3).map(({ payload }) => payload));
  const fields: string[] = [];
  new HpackDecoder().decode(block, 0, block.length, { field: (name, value) => (fields.push(name, value), true) });
  assert.deepEqual(fields, [":status", "200", ...pairs]);
});

Deno.test("what is written in one turn, and a few awaits later, leaves in one write", async () => {
  const [ours, theirs] = streamPair();
  const peer = new Http2Peer(theirs, "client");
  const writer = new FrameWriter(ours, () => {});
  const encoder = new HpackEncoder();
  for (let id = 1; id < 20; id += 2) {
    writer.headers(id, [":status", "200"], ["x-a", String(id)], false, encoder);
    writer.data(id, new Uint8Array(100), 0, 100, true);
    await null;
  }
  await turn();
  assert.ok(ours.written.length < 5, `${ours.written.length} writes`);
  assert.equal(peer.frames.length, 20);
});

Deno.test("nothing is written after stop", async () => {
  const [ours] = streamPair();
  const writer = new FrameWriter(ours, () => {});
  writer.stop();
  writer.ping(1, 2, false);
  writer.flush();
  await turn();
  assert.equal(ours.written.length, 0);
});
