import assert from "node:assert/strict";
import { readChannelOptions } from "../../lib/grpc/channel_options.ts";

Deno.test("channel options have defaults, and those unheard of are ignored", () => {
  assert.deepEqual(readChannelOptions({ "grpc.keepalive_time_ms": 1, anything: {} }), {
    authority: null,
    userAgent: "grpc-enmesh/0.1",
    maxReceiveBytes: 4_194_304,
    maxSendBytes: Infinity,
    gzip: false,
    initialBackoffMs: 100,
    maxBackoffMs: 10_000,
  });
  const some = readChannelOptions({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": 0,
    "grpc.initial_reconnect_backoff_ms": 60_000,
  });
  assert.deepEqual([some.maxReceiveBytes, some.maxSendBytes, some.maxBackoffMs], [Infinity, 0, 60_000]);
});

Deno.test("a channel option that cannot be obeyed says so", () => {
  assert.throws(() => readChannelOptions({ "grpc.default_compression_algorithm": 1 }), /'1'; use 0/);
  assert.throws(() => readChannelOptions({ "grpc.default_authority": 1 as unknown as string }), /give a string/);
  assert.throws(() => readChannelOptions({ "grpc.max_send_message_length": NaN }), /give a number/);
});
