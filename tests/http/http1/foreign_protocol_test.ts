import assert from "node:assert/strict";
import { serveHttp1 } from "../../../lib/http/http1/server_connection.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { streamPair } from "../../support/stream_pair.ts";

async function answerTo(bytes: string): Promise<string> {
  const [client, server] = streamPair();
  const ok = () => Promise.resolve({ status: 200, headers: new HeaderList(), body: null });
  serveHttp1(server, ok, { clock: new FakeClock(), logger: silentLogger });
  let received = "";
  const ended = Promise.withResolvers<void>();
  client.start({
    onData: (chunk) => received += new TextDecoder().decode(chunk),
    onEnd: () => ended.resolve(),
    onDrain: () => {},
    onClose: () => ended.resolve(),
  });
  client.writeAscii(bytes);
  await ended.promise;
  client.destroy();
  return received;
}

Deno.test("serveHttp1() hangs up on another protocol without an answer it would misread", async () => {
  assert.equal(await answerTo("INVALID CONNECTION PREFACE\r\n\r\n"), "");
  assert.equal(await answerTo("EHLO example.test\r\n\r\n"), "");
});

Deno.test("serveHttp1() answers whatever tries to be HTTP", async () => {
  for (const line of ["GET /\r\n\r\n", "GET / HTTP/x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX", "/ GET\r\n\r\n"]) {
    assert.match(await answerTo(line), /^HTTP\/1\.1 (400|505) /, line);
  }
});
