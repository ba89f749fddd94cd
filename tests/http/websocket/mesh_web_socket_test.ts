import assert from "node:assert/strict";
import { QueueBody } from "../../../lib/http/body.ts";
import { WEB_SOCKET_LIMITS } from "../../../lib/http/websocket/limits.ts";
import { MeshWebSocket } from "../../../lib/http/websocket/mesh_web_socket.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";

/** A server's socket whose peer is the test, bytes in and out. */
function serverSocket(idleTimeoutMs = 0) {
  const clock = new FakeClock();
  const aborted: unknown[] = [];
  const socket = new MeshWebSocket({
    role: "server",
    url: "ws://a/",
    clock,
    limits: { ...WEB_SOCKET_LIMITS, maxMessageBytes: 8 },
    idleTimeoutMs,
    abort: (reason) => aborted.push(reason),
  });
  const incoming = new QueueBody(null, { consumed() {}, cancelled() {} });
  const events: string[] = [];
  socket.onopen = () => events.push("open");
  socket.onmessage = ({ data }) => events.push(`message ${data}`);
  socket.onerror = (event) => events.push(`error ${(event as ErrorEvent).message}`);
  socket.onclose = ({ code, reason, wasClean }) => events.push(`close ${code} '${reason}' ${wasClean}`);
  socket.connection.accept(incoming);
  const { outgoing } = socket.connection;
  const send = async (hex: string) => {
    incoming.push(Uint8Array.fromHex(hex));
    await turn();
  };
  return { socket, clock, incoming, events, outgoing, aborted, send };
}

async function turn(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

async function next(outgoing: { read(): Promise<Uint8Array | null> }): Promise<string | null> {
  return (await outgoing.read())?.toHex() ?? null;
}

Deno.test("MeshWebSocket opens when its answer is sent, answers pings, and echoes the close code", async () => {
  const { events, outgoing, send, socket } = serverSocket();
  assert.equal(socket.readyState, 0);
  const first = next(outgoing);
  await turn();
  assert.equal(socket.readyState, 1);
  await send("898100000000" + "61");
  assert.equal(await first, "8a0161");
  await send("81810000000062");
  await send("8882000000000fa0");
  assert.equal(socket.readyState, 2);
  assert.equal(await next(outgoing), "88020fa0");
  assert.equal(await next(outgoing), null);
  assert.deepEqual(events, ["open", "message b", "close 4000 '' true"]);
  assert.equal(socket.readyState, 3);
});

Deno.test("MeshWebSocket tells the peer what it did wrong, and the application 1006", async () => {
  const table: [string, string, RegExp][] = [
    ["8101", "03ea", /not masked/],
    ["818200000000c328", "03ef", /not UTF-8/],
    ["828900000000", "03f1", /maxMessageBytes/],
  ];
  for (const [bytes, code, message] of table) {
    const { events, outgoing, send } = serverSocket();
    const frame = next(outgoing);
    await send(bytes);
    assert.equal((await frame)!.slice(4, 8), code);
    assert.equal(await next(outgoing), null);
    assert.match(events[1]!, message);
    assert.equal(events[2], "close 1006 '' false");
  }
});

Deno.test("MeshWebSocket gives up on a peer that does not close in time", async () => {
  const { events, outgoing, socket, clock, aborted } = serverSocket();
  const frame = next(outgoing);
  await turn();
  socket.close(1000, "bye");
  assert.equal(await frame, "880503e8627965");
  assert.equal(socket.readyState, 2);
  await clock.advance(5_000);
  await turn();
  assert.match(events[1]!, /did not finish the close handshake/);
  assert.equal(events[2], "close 1006 '' false");
  assert.ok(aborted.length > 0);
});

Deno.test("MeshWebSocket pings a silent peer at half of the idle timeout and closes at the whole of it", async () => {
  const { events, outgoing, clock, send } = serverSocket(30_000);
  const ping = next(outgoing);
  await turn();
  await clock.advance(15_000);
  assert.equal(await ping, "8900");
  await send("8a8000000000");
  await clock.advance(15_000);
  assert.equal(await next(outgoing), "8900");
  await clock.advance(15_000);
  assert.equal((await next(outgoing))!.slice(0, 2), "88");
  assert.deepEqual(events.slice(1), [
    "error No response from ping frame",
    "close 1001 'No response from ping frame' false",
  ]);
  assert.equal(await next(outgoing), null);
});

Deno.test("MeshWebSocket checks what an application asks for as the standard says", async () => {
  const { socket, outgoing } = serverSocket();
  const named = (name: string) => (error: unknown) => error instanceof DOMException && error.name === name;
  assert.throws(() => socket.send("x"), named("InvalidStateError"));
  const frame = next(outgoing);
  await turn();
  for (const code of [0, 999, 1001, 1005, 1006, 2999, 5000, NaN]) {
    assert.throws(() => socket.close(code), named("InvalidAccessError"), String(code));
  }
  assert.throws(() => socket.close(1000, "ü".repeat(62)), named("SyntaxError"));
  socket.binaryType = "arraybuffer";
  socket.binaryType = "nonsense" as BinaryType;
  assert.equal(socket.binaryType, "arraybuffer");
  assert.equal(socket.extensions, "");
  assert.ok(socket instanceof EventTarget);
  assert.deepEqual([socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED], [0, 1, 2, 3]);
  const bytes = new Uint8Array([1, 2]);
  socket.send(bytes);
  bytes.fill(9);
  assert.equal(await frame, "82020102");
  socket.close();
  assert.equal(await next(outgoing), "8800");
  socket.close();
  socket.send("later");
  assert.equal(socket.bufferedAmount, 5);
  socket.connection.fail("the end of the test");
  outgoing.cancel();
});

Deno.test("MeshWebSocket reports a peer that ends without a close frame", async () => {
  const { events, outgoing, incoming } = serverSocket();
  const end = next(outgoing);
  await turn();
  incoming.end();
  assert.equal(await end, null);
  assert.match(events[1]!, /without a close frame/);
  assert.equal(events[2], "close 1006 '' false");
});
