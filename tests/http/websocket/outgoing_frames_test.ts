import assert from "node:assert/strict";
import { readAll } from "../../../lib/http/body.ts";
import { Opcode } from "../../../lib/http/websocket/opcode.ts";
import { OutgoingFrames } from "../../../lib/http/websocket/outgoing_frames.ts";

function frames(key: Uint8Array | null = null) {
  const seen: string[] = [];
  const outgoing = new OutgoingFrames({
    onOpened: () => void seen.push("opened"),
    onDrained: () => void seen.push("drained"),
    onCancelled: () => void seen.push("cancelled"),
  }, key === null ? null : () => key);
  return { outgoing, seen };
}

const text = (value: string) => new TextEncoder().encode(value);

Deno.test("OutgoingFrames joins small frames, and masks those of a client", async () => {
  const { outgoing, seen } = frames(Uint8Array.fromHex("37fa213d"));
  outgoing.message(Opcode.TEXT, text("Hello"), 5);
  outgoing.message(Opcode.BINARY, new Uint8Array(0), 0);
  assert.equal(outgoing.bufferedAmount, 5);
  assert.equal((await outgoing.read())!.toHex(), "818537fa213d7f9f4d5158" + "828037fa213d");
  assert.equal(outgoing.bufferedAmount, 0);
  outgoing.end();
  assert.equal(await outgoing.read(), null);
  assert.deepEqual(seen, ["opened", "drained"]);
});

Deno.test("OutgoingFrames gives large messages in pieces and counts what is left", async () => {
  const { outgoing } = frames();
  outgoing.message(Opcode.BINARY, new Uint8Array(200_000), 200_000);
  const first = (await outgoing.read())!;
  assert.ok(first.length <= 65_536 + 14);
  assert.equal(outgoing.bufferedAmount, 200_000 + 10 - first.length);
  outgoing.pong(text("late"));
  outgoing.close(Uint8Array.fromHex("03e8"));
  outgoing.end();
  const rest = (await readAll(outgoing))!;
  // The pong waits for the end of the frame, and the close frame is the last.
  assert.equal(first.length + rest.length, 10 + 200_000 + 6 + 4);
  assert.equal(rest.subarray(-10).toHex(), "8a046c617465" + "880203e8");
});

Deno.test("OutgoingFrames keeps the order of messages whose bytes come late", async () => {
  const { outgoing } = frames();
  const late = Promise.withResolvers<Uint8Array>();
  outgoing.message(Opcode.BINARY, late.promise, 1);
  outgoing.message(Opcode.TEXT, text("b"), 1);
  const read = outgoing.read();
  late.resolve(text("a"));
  assert.equal((await read)!.toHex(), "820161" + "810162");
});

Deno.test("OutgoingFrames answers the last ping only, and before messages that have not begun", async () => {
  const { outgoing } = frames();
  outgoing.message(Opcode.TEXT, text("a"), 1);
  for (let i = 0; i < 1000; i++) outgoing.pong(text(String(i)));
  outgoing.ping();
  assert.equal((await outgoing.read())!.toHex(), "8a03393939" + "810161" + "8900");
});

Deno.test("OutgoingFrames sends nothing behind a close frame, and counts what was not sent", async () => {
  const { outgoing } = frames();
  outgoing.close(new Uint8Array(0));
  outgoing.message(Opcode.TEXT, text("late"), 4);
  outgoing.pong(text("x"));
  outgoing.ping();
  outgoing.end();
  assert.equal((await readAll(outgoing))!.toHex(), "8800");
  assert.equal(outgoing.bufferedAmount, 4);
});

Deno.test("OutgoingFrames tells when the connection has gone", async () => {
  const { outgoing, seen } = frames();
  const read = outgoing.read();
  outgoing.cancel();
  assert.equal(await read, null);
  assert.deepEqual(seen, ["opened", "cancelled"]);
});
