import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { unary } from "../support/grpc_rig.ts";
import { fakeChannel, grpcResponse } from "./fake_transport.ts";

const { connectivityState: state } = grpc;
const text = (value: string) => new TextEncoder().encode(value);

/** What `client.waitForReady` calls back with. */
function ready(client: grpc.Client, deadline: number): Promise<Error | undefined> {
  return new Promise((resolve) => client.waitForReady(deadline, resolve));
}

Deno.test("a channel is idle, ready once asked, and shut down when closed", async () => {
  const { channel, client, clock } = fakeChannel(() => grpcResponse([text("")]));
  assert.equal(channel.getTarget(), "echo.default:50051");
  assert.equal(channel.getChannelzRef().name, "echo.default:50051");
  assert.equal(channel.getConnectivityState(false), state.IDLE);
  const changed = Promise.withResolvers<Error | undefined>();
  channel.watchConnectivityState(state.IDLE, Infinity, changed.resolve);
  assert.equal(await ready(client, clock.now() + 1000), undefined);
  assert.equal(await changed.promise, undefined);
  assert.equal(channel.getConnectivityState(false), state.READY);
  const late = Promise.withResolvers<Error | undefined>();
  channel.watchConnectivityState(state.READY, new Date(clock.now() + 10), late.resolve);
  await clock.advance(10);
  assert.match(String(await late.promise), /Deadline passed/);
  const closed = Promise.withResolvers<Error | undefined>();
  channel.watchConnectivityState(state.READY, clock.now() + 1000, closed.resolve);
  client.close();
  client.close();
  assert.equal(await closed.promise, undefined);
  assert.equal(channel.getConnectivityState(true), state.SHUTDOWN);
  assert.throws(() => channel.watchConnectivityState(state.READY, Infinity, () => {}), /shut down/);
  assert.throws(() => channel.createCall("/a/B", Infinity, null, null, null), /shut down/);
  assert.match(String(await ready(client, clock.now() + 1000)), /closed/);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("calls under way go on when their channel is closed", async () => {
  const answer = Promise.withResolvers<ReturnType<typeof grpcResponse>>();
  const { client } = fakeChannel(() => answer.promise);
  const call = unary(client, "/a/B", "");
  await new Promise((resolve) => setImmediate(resolve));
  client.close();
  answer.resolve(grpcResponse([text("late")]));
  assert.equal(String((await call).reply), "late");
});

Deno.test("a channel of a closed mesh is shut down", async () => {
  const { channel, transport } = fakeChannel(() => grpcResponse([]));
  const closed = Promise.withResolvers<Error | undefined>();
  channel.watchConnectivityState(state.IDLE, Infinity, closed.resolve);
  transport.close();
  assert.equal(await closed.promise, undefined);
  assert.equal(channel.getConnectivityState(true), state.SHUTDOWN);
  assert.equal(transport.listeners, 0);
});

Deno.test("the authority is the target's, the channel's, or the call's", async () => {
  const { transport, client } = fakeChannel(() => grpcResponse([text("")]), { "grpc.default_authority": "other.host" });
  await unary(client, "/a/B", "");
  await unary(client, "/a/B", "", { host: "third.host" });
  assert.deepEqual(transport.sent.map(({ request }) => request.authority), ["other.host", "third.host"]);
});

Deno.test("a call needs a method and a deadline", () => {
  const { channel } = fakeChannel(() => grpcResponse([]));
  const make = (method: unknown, deadline: unknown) => () =>
    channel.createCall(method as string, deadline as number, null, null, null);
  assert.throws(make("no path", Infinity), /'no path' is no method/);
  assert.throws(make(undefined, Infinity), TypeError);
  assert.throws(make("/a/B", "soon"), /Cannot use the deadline 'soon'/);
  assert.throws(make("/a/B", NaN), TypeError);
});
