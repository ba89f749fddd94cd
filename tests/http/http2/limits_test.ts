import assert from "node:assert/strict";
import { BytesBody } from "../../../lib/http/body.ts";
import { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { connectHttp2 } from "../../../lib/http/http2/client_connection.ts";
import { errorCodeName, Http2ErrorCode as Code } from "../../../lib/http/http2/error_code.ts";
import { defaultHttp2Limits, type Http2Limits } from "../../../lib/http/http2/limits.ts";
import { serveHttp2 } from "../../../lib/http/http2/server_connection.ts";
import type { Logger } from "../../../lib/internal/logger.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { block, frame, get, Http2Peer, PREFACE, setting, uint32 } from "../../support/http2_peer.ts";
import { type MemoryStream, streamPair } from "../../support/stream_pair.ts";

/** The next turn of the event loop: everything sent in memory has arrived. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

interface Line {
  message: string;
  fields: Readonly<Record<string, unknown>>;
}

function collect(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  return {
    lines,
    logger: { log: (level, message, fields = {}) => void (level === "warning" && lines.push({ message, fields })) },
  };
}

interface Served {
  peer: Http2Peer;
  clock: FakeClock;
  lines: Line[];
  ours: MemoryStream;
  theirs: MemoryStream;
  exchanges: Exchange[];
  /** Asserts that the connection ended with that code, and one log line that names the limit. */
  ends(code: number, limit: keyof Http2Limits | null): Promise<void>;
}

function serve(limits: Partial<Http2Limits> = {}, content: Uint8Array | null = null): Served {
  const [ours, theirs] = streamPair();
  const clock = new FakeClock();
  const { logger, lines } = collect();
  const exchanges: Exchange[] = [];
  const connection = serveHttp2(ours, (_request, exchange) => {
    exchanges.push(exchange);
    if (content === null) return new Promise(() => {});
    return Promise.resolve({ status: 200, headers: new HeaderList(), body: new BytesBody(content) });
  }, { clock, logger, limits });
  const peer = new Http2Peer(theirs, "client");
  const ends = async (code: number, limit: keyof Http2Limits | null) => {
    assert.equal(errorCodeName((await peer.next("GOAWAY")).code!), errorCodeName(code));
    await peer.end();
    peer.close();
    await connection.closed;
    assert.equal(lines.length, 1, "not one log line");
    assert.equal(lines[0]!.fields["error"], errorCodeName(code));
    assert.equal(lines[0]!.fields["limit"] ?? null, limit);
    assert.equal(clock.pendingTimers, 0, "a timer is left");
    for (const exchange of exchanges) assert.ok(exchange.completed);
  };
  return { peer, clock, lines, ours, theirs, exchanges, ends };
}

Deno.test("maxConcurrentStreams: more are refused, the others go on", async () => {
  const { peer, exchanges } = serve({ maxConcurrentStreams: 2 });
  peer.hello();
  peer.send(frame("HEADERS", 5, 1, get()), frame("HEADERS", 5, 3, get()), frame("HEADERS", 5, 5, get()));
  const reset = await peer.next("RST_STREAM");
  assert.deepEqual([reset.stream, reset.code], [5, Code.REFUSED_STREAM]);
  assert.equal(exchanges.length, 2);
  peer.close();
});

Deno.test("maxConcurrentRequests bounds the client whatever the server grants", async () => {
  const [ours, theirs] = streamPair();
  const { logger } = collect();
  const connection = connectHttp2(ours, { clock: new FakeClock(), logger, limits: { maxConcurrentRequests: 3 } });
  const peer = new Http2Peer(theirs, "server");
  peer.hello(setting(3, 1000));
  await turn();
  assert.equal(connection.available, 3);
  connection.close();
});

Deno.test("maxHandlerFactor: handlers of streams given up are counted (rapid reset)", async () => {
  const { peer, exchanges } = serve({ maxConcurrentStreams: 4, maxHandlerFactor: 2 });
  peer.hello();
  for (let id = 1; id < 40; id += 2) {
    peer.send(frame("HEADERS", 5, id, get()));
    peer.send(frame("RST_STREAM", 0, id, uint32(Code.CANCEL)));
  }
  await peer.next("RST_STREAM", (each) => each.code === Code.REFUSED_STREAM);
  assert.equal(exchanges.length, 8);
  peer.close();
});

Deno.test("a request reset in the chunk it came with never reaches the handler", async () => {
  const { peer, exchanges } = serve();
  peer.hello();
  peer.send(
    frame("HEADERS", 5, 1, get()),
    frame("RST_STREAM", 0, 1, uint32(8)),
    frame("PING", 0, 0, uint32(0).concat(uint32(0))),
  );
  await peer.next("PING");
  assert.equal(exchanges.length, 0);
  peer.close();
});

Deno.test("resetBurst: rapid reset ends the connection", async () => {
  const { peer, ends } = serve({ resetBurst: 50, resetsPerSecond: 10 });
  peer.hello();
  for (let id = 1; id < 103; id += 2) {
    peer.send(frame("HEADERS", 5, id, get()), frame("RST_STREAM", 0, id, uint32(Code.CANCEL)));
  }
  await ends(Code.ENHANCE_YOUR_CALM, "resetBurst");
});

Deno.test("resetBurst: making the server reset counts as well", async () => {
  const { peer, ends } = serve({ resetBurst: 50 });
  peer.hello();
  for (let id = 1; id < 103; id += 2) {
    peer.send(frame("HEADERS", 5, id, get()), frame("WINDOW_UPDATE", 0, id, uint32(0)));
  }
  await ends(Code.ENHANCE_YOUR_CALM, "resetBurst");
});

Deno.test("resetsPerSecond: resets are forgiven with time", async () => {
  const { peer, clock, lines } = serve({ resetBurst: 10, resetsPerSecond: 10, maxHandlerFactor: 100 });
  peer.hello();
  for (let id = 1; id < 200; id += 2) {
    peer.send(frame("HEADERS", 5, id, get()), frame("RST_STREAM", 0, id, uint32(Code.CANCEL)));
    await turn();
    await clock.advance(100);
  }
  assert.equal(lines.length, 0);
  peer.close();
});

Deno.test("maxHeaderListBytes and maxHeaderFields: 431, and the connection goes on", async () => {
  const { peer } = serve({ maxHeaderListBytes: 1000, maxHeaderFields: 20 }, new Uint8Array(1));
  peer.hello();
  peer.send(frame("HEADERS", 5, 1, get("x-long", "a".repeat(1000))));
  assert.deepEqual((await peer.next("HEADERS")).fields, [":status", "431"]);
  peer.send(frame("HEADERS", 4, 3, get(...Array.from({ length: 40 }, (_, i) => `x${i >> 1}`))));
  assert.deepEqual((await peer.next("HEADERS")).fields, [":status", "431"]);
  assert.equal((await peer.next("RST_STREAM")).stream, 3);
  peer.send(frame("HEADERS", 5, 5, get()));
  assert.deepEqual((await peer.next("HEADERS")).fields!.slice(0, 2), [":status", "200"]);
  peer.close();
});

Deno.test("maxHeaderListBytes: an HPACK bomb ends the connection", async () => {
  const { peer, ends } = serve();
  peer.hello();
  // One entry of 4,000 bytes, and 10,000 references of a byte each to it: 40 MB.
  const entry = [0x40, ...block("x", "a".repeat(4000)).slice(1)];
  peer.send(frame("HEADERS", 5, 1, [...entry, ...new Array(10_000).fill(0xbe)]));
  await ends(Code.ENHANCE_YOUR_CALM, "maxHeaderListBytes");
});

Deno.test("maxHeaderBlockBytes and maxContinuationFrames: a CONTINUATION flood ends the connection", async () => {
  const large = serve({ maxHeaderBlockBytes: 1000, maxContinuationFrames: 1000 });
  large.peer.hello();
  large.peer.send(frame("HEADERS", 0, 1, get()));
  for (let i = 0; i < 12; i++) large.peer.send(frame("CONTINUATION", 0, 1, block("x-a", "a".repeat(100))));
  await large.ends(Code.ENHANCE_YOUR_CALM, "maxHeaderBlockBytes");
  const many = serve();
  many.peer.hello();
  many.peer.send(frame("HEADERS", 0, 1, get()));
  for (let i = 0; i <= defaultHttp2Limits.maxContinuationFrames; i++) many.peer.send(frame("CONTINUATION", 0, 1));
  await many.ends(Code.ENHANCE_YOUR_CALM, "maxContinuationFrames");
});

Deno.test("headerBlockTimeoutMs: a header block that does not end", async () => {
  const { peer, clock, ends } = serve();
  peer.hello();
  peer.send(frame("HEADERS", 0, 1, get()));
  await turn();
  await clock.advance(10_000);
  await ends(Code.ENHANCE_YOUR_CALM, "headerBlockTimeoutMs");
});

Deno.test("decoderTableBytes is what the peer may use", async () => {
  const { peer, ends } = serve({ decoderTableBytes: 100 });
  assert.deepEqual([...(await peer.next("SETTINGS")).payload].slice(0, 6), setting(1, 100));
  peer.hello();
  peer.send(frame("HEADERS", 5, 1, [0x3f, 0x46, ...get()]));
  await ends(Code.COMPRESSION_ERROR, null);
});

Deno.test("encoderTableBytes is announced when it is below the usual", async () => {
  const [ours, theirs] = streamPair();
  const connection = connectHttp2(ours, { clock: new FakeClock(), ...collect(), limits: { encoderTableBytes: 0 } });
  const peer = new Http2Peer(theirs, "server");
  const headers = new HeaderList();
  const request = { method: "GET", scheme: "http", authority: "", path: "/", headers, body: null, protocol: "HTTP/2" };
  connection.send({ ...request, protocol: "HTTP/2" }, new Exchange()).catch(() => {});
  assert.equal((await peer.next("HEADERS")).payload[0], 0x20);
  connection.close();
});

Deno.test("maxFrameBytes: a larger frame ends the connection", async () => {
  const { peer, ends } = serve();
  peer.hello();
  peer.send(frame("HEADERS", 4, 1, get()), frame("DATA", 0, 1, new Uint8Array(16_385)));
  await ends(Code.FRAME_SIZE_ERROR, "maxFrameBytes");
});

Deno.test("streamWindowBytes: more is an error of the stream", async () => {
  const { peer, exchanges } = serve({ streamWindowBytes: 1000 });
  peer.hello();
  peer.send(frame("HEADERS", 4, 1, get()), frame("DATA", 0, 1, new Uint8Array(1000)), frame("DATA", 0, 1, [1]));
  assert.equal((await peer.next("RST_STREAM")).code, Code.FLOW_CONTROL_ERROR);
  assert.ok(exchanges.every((each) => each.completed));
  peer.close();
});

Deno.test("connectionWindowBytes: more is an error of the connection", async () => {
  const { peer, ends } = serve({ connectionWindowBytes: 65_535 });
  peer.hello();
  for (let id = 1; id <= 5; id += 2) {
    peer.send(frame("HEADERS", 4, id, get()));
    for (let i = 0; i < 2; i++) peer.send(frame("DATA", 0, id, new Uint8Array(16_000)));
  }
  await ends(Code.FLOW_CONTROL_ERROR, "connectionWindowBytes");
});

Deno.test("a window that grows beyond 2^31-1 is refused, of stream and connection", async () => {
  const { peer, ends } = serve();
  peer.hello();
  peer.send(frame("HEADERS", 4, 1, get()), frame("WINDOW_UPDATE", 0, 1, uint32(0x7fffffff)));
  assert.equal((await peer.next("RST_STREAM")).code, Code.FLOW_CONTROL_ERROR);
  peer.send(frame("WINDOW_UPDATE", 0, 0, uint32(0x7fffffff)));
  await ends(Code.FLOW_CONTROL_ERROR, null);
});

const IDLE_FRAMES: Record<string, Uint8Array> = {
  PING: frame("PING", 0, 0, new Uint8Array(8)),
  "PING acknowledgement": frame("PING", 1, 0, new Uint8Array(8)),
  SETTINGS: frame("SETTINGS", 0, 0),
  "SETTINGS acknowledgement": frame("SETTINGS", 1, 0),
  PRIORITY: frame("PRIORITY", 0, 1, [0, 0, 0, 0, 1]),
  WINDOW_UPDATE: frame("WINDOW_UPDATE", 0, 0, uint32(1)),
  "WINDOW_UPDATE of a stream": frame("WINDOW_UPDATE", 0, 1, uint32(1)),
  "RST_STREAM of a closed stream": frame("RST_STREAM", 0, 3, uint32(0)),
  "an unknown type": frame(0x42, 0, 0, [1, 2, 3]),
  "empty DATA": frame("DATA", 0, 1),
  "DATA that is only padding": frame("DATA", 8, 1, [2, 0, 0]),
};

for (const [name, idle] of Object.entries(IDLE_FRAMES)) {
  Deno.test(`idleFrameBurst: a flood of ${name} ends the connection`, async () => {
    const { peer, ends } = serve({ idleFrameBurst: 100, idleFramesPerSecond: 10, maxQueuedReplies: Infinity });
    peer.hello();
    peer.send(frame("HEADERS", 4, 1, get()), frame("HEADERS", 4, 3, get()), frame("RST_STREAM", 0, 3, uint32(0)));
    for (let i = 0; i < 120; i++) peer.send(idle);
    await ends(Code.ENHANCE_YOUR_CALM, "idleFrameBurst");
  });
}

Deno.test("idleFramesPerSecond: they are forgiven with time, and by useful frames", async () => {
  const { peer, clock, lines } = serve({ idleFrameBurst: 10, idleFramesPerSecond: 10 });
  peer.hello();
  peer.send(frame("HEADERS", 4, 1, get()));
  for (let i = 0; i < 100; i++) {
    peer.send(frame("PING", 0, 0, new Uint8Array(8)));
    await peer.next("PING");
    await clock.advance(100);
  }
  for (let i = 0; i < 100; i++) {
    peer.send(frame("DATA", 0, 1, [1]));
    for (let j = 0; j < 8; j++) peer.send(frame("WINDOW_UPDATE", 0, 1, uint32(1)));
  }
  await turn();
  assert.equal(lines.length, 0);
  peer.close();
});

Deno.test("maxSettingsParameters", async () => {
  const { peer, ends } = serve({ maxSettingsParameters: 4 });
  peer.send(PREFACE, frame("SETTINGS", 0, 0, Array.from({ length: 5 }, () => setting(9, 1)).flat()));
  await ends(Code.ENHANCE_YOUR_CALM, "maxSettingsParameters");
});

Deno.test("maxQueuedReplies: a peer that asks and does not read", async () => {
  const { peer, theirs, clock, ours } = serve({ maxQueuedReplies: 100, idleFrameBurst: 1_000_000 });
  peer.hello();
  await peer.next("SETTINGS");
  theirs.pause();
  for (let i = 0; i < 10_000; i++) peer.send(frame("PING", 0, 0, new Uint8Array(8)));
  for (let i = 0; i < 100; i++) await turn();
  const queued = ours.writableLength;
  assert.ok(queued < 80_000, `${queued} bytes are queued`);
  // It does not read the GOAWAY either: the connection is cut.
  await clock.advance(1000);
  assert.ok(ours.destroyed);
});

Deno.test("settingsTimeoutMs: no SETTINGS, or no acknowledgement", async () => {
  const silent = serve();
  await silent.clock.advance(10_000);
  await silent.ends(Code.SETTINGS_TIMEOUT, "settingsTimeoutMs");
  const rude = serve();
  rude.peer.send(PREFACE, frame("SETTINGS", 0, 0));
  await turn();
  await rude.clock.advance(10_000);
  await rude.ends(Code.SETTINGS_TIMEOUT, "settingsTimeoutMs");
});

Deno.test("sendStallTimeoutMs: a reader that does not read", async () => {
  const { peer, clock, exchanges } = serve({ sendStallTimeoutMs: 60_000 }, new Uint8Array(100_000));
  peer.hello(setting(4, 100));
  peer.send(frame("HEADERS", 5, 1, get()), frame("HEADERS", 5, 3, get()));
  await peer.next("DATA");
  for (let i = 0; i < 4; i++) {
    // Stream 3 trickles along: it is slow, not stalled.
    await clock.advance(29_000);
    peer.send(frame("WINDOW_UPDATE", 0, 3, uint32(1)), frame("PING", 1, 0, new Uint8Array(8)));
    await turn();
  }
  const reset = await peer.next("RST_STREAM");
  assert.deepEqual([reset.stream, reset.code], [1, Code.CANCEL]);
  assert.deepEqual(exchanges.map((each) => each.completed), [true, false]);
  peer.close();
});

Deno.test("lingerMs: a peer that does not close is cut", async () => {
  const { peer, theirs, clock, ours } = serve();
  peer.hello();
  await turn();
  theirs.pause();
  peer.send(frame("HEADERS", 5, 2, get()));
  await turn();
  assert.ok(!ours.destroyed);
  await clock.advance(1000);
  assert.ok(ours.destroyed);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a client that vanishes is found out by the server", async () => {
  const { peer, clock, ours } = serve();
  peer.hello();
  await turn();
  await clock.advance(90_000);
  assert.ok(peer.frames.some((each) => each.type === "PING"));
  assert.ok(!ours.destroyed);
  await clock.advance(10_000);
  assert.ok(ours.destroyed);
});
