import assert from "node:assert/strict";
import { frameMessage, GrpcMessageReader } from "../../lib/grpc/framing.ts";
import { GrpcMessageWriter } from "../../lib/grpc/message_writer.ts";
import { HeaderList } from "../../lib/http/header_list.ts";

Deno.test("a writer waits for its reader once 64 KiB are unread", async () => {
  const writer = new GrpcMessageWriter();
  const message = new Uint8Array(40_000).fill(1);
  await writer.write(message);
  let resolved = false;
  const second = writer.write(message).then(() => resolved = true);
  await Promise.resolve();
  assert.equal(resolved, false);
  const reader = new GrpcMessageReader(writer.body);
  assert.deepEqual(await reader.next(), message);
  await second;
  writer.end(new HeaderList(["grpc-status", "0"]));
  assert.deepEqual(await reader.next(), message);
  assert.equal(await reader.next(), null);
  assert.equal(writer.body.trailers!.get("grpc-status"), "0");
});

Deno.test("a reader that gives up fails those who wait and those who come", async () => {
  const writer = new GrpcMessageWriter();
  await writer.write(new Uint8Array(65_531));
  const waiting = writer.write(new Uint8Array(1));
  const failed = assert.rejects(waiting, /Enough/);
  writer.fail(new Error("Enough"));
  await failed;
  await assert.rejects(writer.write(new Uint8Array(1)), /Enough/);
});

Deno.test("cancelling without a reason rejects with a status", async () => {
  const writer = new GrpcMessageWriter();
  writer.body.cancel();
  await assert.rejects(writer.write(new Uint8Array(1)), { name: "GrpcStatusError", status: 1 });
});

Deno.test("a pushed message says whether there is room, and room comes when it is read", async () => {
  const writer = new GrpcMessageWriter();
  assert.equal(writer.push(frameMessage(new Uint8Array(60_000))), true);
  await writer.room();
  assert.equal(writer.push(frameMessage(new Uint8Array(6000))), false);
  const room = writer.room();
  await writer.body.read();
  await room;
  writer.body.cancel(new Error("Enough"));
  assert.equal(writer.push(frameMessage(new Uint8Array(1))), false);
  await assert.rejects(writer.room(), /Enough/);
});
