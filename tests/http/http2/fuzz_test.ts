import fc from "fast-check";
import assert from "node:assert/strict";
import { BytesBody, readAll } from "../../../lib/http/body.ts";
import { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { connectHttp2 } from "../../../lib/http/http2/client_connection.ts";
import { serveHttp2 } from "../../../lib/http/http2/server_connection.ts";
import type { Logger } from "../../../lib/internal/logger.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { block, bytes, frame, get, PREFACE, setting, uint32 } from "../../support/http2_peer.ts";
import { streamPair } from "../../support/stream_pair.ts";

/** Frames, well formed and not, on few streams so that they meet. */
const stream = fc.constantFrom(0, 1, 1, 1, 2, 3, 3, 5, 7, 0x7fffffff);
const head = fc.oneof(
  fc.constant(get()),
  fc.constant(get("content-length", "3")),
  fc.constant(block(":status", "200")),
  fc.constant(block(":status", "200", "content-length", "3")),
  fc.constant(block(":status", "103")),
  fc.constant(block("x-trailer", "1")),
  fc.constant(block(":method", "CONNECT", ":authority", "a:1")),
  fc.constant([...get(), 0x40, 1, 0x61, 1, 0x62, 0xbe]),
  fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 20 }),
);
const payload = fc.uint8Array({ maxLength: 30 });
const anyFrame = fc.oneof(
  fc.tuple(fc.constantFrom(0, 1, 4, 5, 5, 5), stream, head).map(([flags, id, fields]) =>
    frame("HEADERS", flags, id, fields)
  ),
  fc.tuple(fc.constantFrom(0, 1), stream, payload).map(([flags, id, content]) => frame("DATA", flags, id, content)),
  fc.tuple(stream, fc.constantFrom(0, 7, 8, 99)).map(([id, code]) => frame("RST_STREAM", 0, id, uint32(code))),
  fc.tuple(stream, fc.constantFrom(0, 1, 1000, 0x7fffffff)).map(([id, by]) =>
    frame("WINDOW_UPDATE", 0, id, uint32(by))
  ),
  fc.tuple(fc.integer({ min: 0, max: 8 }), fc.constantFrom(0, 1, 2, 16_384, 65_535, 0x7fffffff, 0xffffffff))
    .map(([id, value]) => frame("SETTINGS", 0, 0, setting(id, value))),
  fc.constantFrom(
    frame("SETTINGS", 1, 0),
    frame("PING", 0, 0, new Uint8Array(8)),
    frame("GOAWAY", 0, 0, new Uint8Array(8)),
    frame("GOAWAY", 0, 0, bytes(uint32(1), uint32(0))),
  ),
  fc.tuple(fc.constantFrom(0, 4), stream, head).map(([flags, id, part]) => frame("CONTINUATION", flags, id, part)),
  fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 255 }), stream, payload)
    .map(([type, flags, id, content]) => frame(type, flags, id, content)),
);

interface Input {
  frames: Uint8Array[];
  /** Places (as a fraction) and values of bytes that are overwritten. */
  mutations: [number, number][];
  chunk: number;
  end: boolean;
}

const input: fc.Arbitrary<Input> = fc.record({
  frames: fc.array(anyFrame, { maxLength: 25 }),
  mutations: fc.oneof(
    { weight: 3, arbitrary: fc.constant<[number, number][]>([]) },
    fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
      maxLength: 4,
    }),
  ),
  chunk: fc.constantFrom(1, 7, 50, 100_000),
  end: fc.boolean(),
});

/** The bytes of an input, behind what makes the connection begin well. */
function render(hello: Uint8Array, { frames, mutations }: Input): Uint8Array {
  const tail = bytes(...frames);
  for (const [at, value] of mutations) if (tail.length > 0) tail[Math.floor(at * tail.length)] = value;
  return bytes(hello, tail);
}

/** A logger that keeps what says the codec itself is wrong. */
function watch(): { logger: Logger; faults: unknown[] } {
  const faults: unknown[] = [];
  return {
    faults,
    logger: {
      log: (_level, message, fields) => void (fields?.["error"] === "INTERNAL_ERROR" && faults.push([message, fields])),
    },
  };
}

const HELLO = bytes(frame("SETTINGS", 0, 0), frame("SETTINGS", 1, 0));

Deno.test("a server survives every sequence of frames: it answers or ends, and leaves nothing behind", async () => {
  await fc.assert(
    fc.asyncProperty(input, async (each) => {
      const [ours, theirs] = streamPair({ maxChunk: each.chunk });
      const clock = new FakeClock();
      const { logger, faults } = watch();
      const exchanges: Exchange[] = [];
      const connection = serveHttp2(ours, async (request, exchange) => {
        exchanges.push(exchange);
        const body = await readAll(request.body, 10_000);
        return { status: 200, headers: new HeaderList(), body: new BytesBody(body ?? new Uint8Array(3)) };
      }, { clock, logger });
      theirs.start({ onData: () => {}, onEnd: () => theirs.end(), onDrain: () => {}, onClose: () => {} });
      theirs.write(render(bytes(PREFACE, HELLO), each));
      if (each.end) theirs.end();
      await clock.advance(0);
      await clock.advance(0);
      // Whatever the state, the peer goes away: everything has to come to its end.
      theirs.destroy();
      await connection.closed;
      assert.deepEqual(faults, []);
      assert.equal(connection.active, 0);
      assert.ok(exchanges.every((exchange) => exchange.completed));
      assert.equal(clock.pendingTimers, 0);
    }),
    { numRuns: 400 },
  );
});

Deno.test("a client survives every sequence of frames: each request settles, and nothing is left behind", async () => {
  await fc.assert(
    fc.asyncProperty(input, async (each) => {
      const [ours, theirs] = streamPair({ maxChunk: each.chunk });
      const clock = new FakeClock();
      const { logger, faults } = watch();
      const connection = connectHttp2(ours, { clock, logger });
      theirs.start({ onData: () => {}, onEnd: () => theirs.end(), onDrain: () => {}, onClose: () => {} });
      const requests = Array.from({ length: 3 }, (_, i) => {
        const body = i === 1 ? new BytesBody(new Uint8Array(300)) : null;
        const head = { method: "POST", scheme: "http", authority: "a", path: "/", headers: new HeaderList() };
        const exchange = new Exchange();
        const done = connection.send({ ...head, body, protocol: "HTTP/2" }, exchange)
          .then((response) => readAll(response.body, 10_000)).catch(() => null);
        return { exchange, done };
      });
      theirs.write(render(HELLO, each));
      if (each.end) theirs.end();
      await clock.advance(0);
      await clock.advance(0);
      theirs.destroy();
      await Promise.all(requests.map(({ done }) => done));
      await clock.advance(0);
      assert.deepEqual(faults, []);
      assert.equal(connection.state, "closed");
      assert.ok(requests.every(({ exchange }) => exchange.completed));
      assert.equal(clock.pendingTimers, 0);
    }),
    { numRuns: 400 },
  );
});
