import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { DeferredChannel } from "../../lib/grpc/deferred_channel.ts";
import { unary } from "../support/grpc_rig.ts";

Deno.test("a library that cannot be loaded fails the call that needed it", async () => {
  const load = () => Promise.reject(new Error("Not allowed"));
  const channel = new DeferredChannel("a:1", {}, load);
  const client = new grpc.Client("a:1", grpc.credentials.createInsecure(), { channelOverride: channel });
  const { status } = await unary(client, "/a/B", "");
  assert.equal(status.code, grpc.status.UNAVAILABLE);
  assert.match(status.details, /Not allowed/);
  assert.equal(channel.getConnectivityState(true), grpc.connectivityState.SHUTDOWN);
  assert.equal((await unary(client, "/a/B", "")).status.code, grpc.status.UNAVAILABLE);
});

Deno.test("a channel closed before its library is there makes no call", async () => {
  const loaded = Promise.withResolvers<typeof grpc>();
  const channel = new DeferredChannel("a:1", {}, () => loaded.promise);
  assert.equal(channel.getTarget(), "a:1");
  assert.equal(channel.getConnectivityState(true), grpc.connectivityState.IDLE);
  const client = new grpc.Client("a:1", grpc.credentials.createInsecure(), { channelOverride: channel });
  const call = unary(client, "/a/B", "");
  client.close();
  assert.throws(() => channel.createCall("/a/B", Infinity, null, null, null), /shut down/);
  loaded.resolve(grpc);
  assert.equal((await call).status.code, grpc.status.UNAVAILABLE);
});
