import assert from "node:assert/strict";
import { BytesBody } from "../lib/http/body.ts";
import { HeaderList } from "../lib/http/header_list.ts";
import { systemClock } from "../lib/internal/clock.ts";
import { silentLogger } from "../lib/internal/logger.ts";
import { PlainListener } from "../lib/plain_listener.ts";
import { until } from "./support/until.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

function start(onDrain?: () => void): Promise<PlainListener> {
  return PlainListener.start({
    hostname: "127.0.0.1",
    port: 0,
    handler: (request) =>
      Promise.resolve({
        status: 200,
        headers: new HeaderList(),
        body: new BytesBody(new TextEncoder().encode(request.protocol)),
      }),
    clock: systemClock,
    logger: silentLogger,
    ...(onDrain === undefined ? {} : { onDrain }),
  });
}

Deno.test("both versions of HTTP are served on one port", async () => {
  const listener = await start();
  const { port } = listener.addr;
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
  assert.equal(await response.text(), "HTTP/1.1");
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(PREFACE));
  await connection.write(new Uint8Array(9).fill(4, 3, 4));
  const answer = new Uint8Array(9);
  await connection.read(answer);
  assert.equal(answer[3], 4, "the server's SETTINGS");
  connection.close();
  listener.unref();
  listener.ref();
  await listener.close();
  await listener.finished;
});

Deno.test("draining is told once, and ends connections of which nothing is known yet", async () => {
  let told = 0;
  const listener = await start(() => told++);
  const silent = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  let accepted = false;
  const other = fetch(`http://127.0.0.1:${listener.addr.port}/`, { headers: { connection: "close" } });
  void other.then(() => accepted = true);
  await until("the connection before was accepted", () => accepted);
  await (await other).body?.cancel();
  await Promise.all([listener.drain(), listener.drain()]);
  assert.equal(told, 1);
  assert.equal(await silent.read(new Uint8Array(1)).catch(() => null), null);
  silent.close();
});
