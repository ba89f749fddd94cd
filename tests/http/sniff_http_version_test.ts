import assert from "node:assert/strict";
import { sniffHttpVersion } from "../../lib/http/sniff_http_version.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { streamPair } from "../support/stream_pair.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

async function sniff(text: string, maxChunk: number) {
  const [client, server] = streamPair({ maxChunk });
  const sniffed = sniffHttpVersion(server, { clock: new FakeClock() });
  client.writeAscii(text);
  client.end();
  const result = await sniffed;
  if (result === null) return null;
  let replayed = "";
  const ended = Promise.withResolvers<void>();
  result.stream.start({
    onData: (chunk) => replayed += new TextDecoder().decode(chunk),
    onEnd: () => ended.resolve(),
    onDrain: () => {},
    onClose: () => {},
  });
  await ended.promise;
  return [result.version, replayed];
}

Deno.test("sniffHttpVersion() knows the preface, however it is split, and replays every byte once", async () => {
  for (const maxChunk of [1, 5, 24, 100]) {
    assert.deepEqual(await sniff(`${PREFACE}frames`, maxChunk), ["HTTP/2", `${PREFACE}frames`]);
    assert.deepEqual(await sniff("POST / HTTP/1.1\r\n", maxChunk), ["HTTP/1.1", "POST / HTTP/1.1\r\n"]);
    assert.deepEqual(await sniff("PRI * HTTP/2.0\r\n\r\nXX", maxChunk), ["HTTP/1.1", "PRI * HTTP/2.0\r\n\r\nXX"]);
  }
});

Deno.test("sniffHttpVersion() gives null when the connection ends undecided", async () => {
  assert.equal(await sniff("PRI * HT", 3), null);
  assert.equal(await sniff("", 3), null);
});

Deno.test("sniffHttpVersion() hangs up on a peer that sends too little to decide", async () => {
  const clock = new FakeClock();
  const [client, server] = streamPair();
  const sniffed = sniffHttpVersion(server, { clock, limitMs: 100 });
  client.writeAscii("PRI");
  await clock.advance(99);
  assert.equal(server.destroyed, false);
  await clock.advance(1);
  assert.equal(await sniffed, null);
  assert.equal(server.destroyed, true);
  assert.equal(clock.pendingTimers, 0);
});
