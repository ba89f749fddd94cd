/** Both connections over real sockets against an implementation that is not ours: Deno's own fetch and server. */
import assert from "node:assert/strict";
import net from "node:net";
import { BytesBody, readAll } from "../../../lib/http/body.ts";
import type { HttpClientConnection, HttpServerHandler } from "../../../lib/http/codec.ts";
import { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { connectHttp1 } from "../../../lib/http/http1/client_connection.ts";
import { serveHttp1 } from "../../../lib/http/http1/server_connection.ts";
import type { HttpRequest } from "../../../lib/http/message.ts";
import { toWebRequest } from "../../../lib/http/web/request_to_web.ts";
import { fromWebResponse } from "../../../lib/http/web/response_from_web.ts";
import { StreamBody } from "../../../lib/http/web/stream_body.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import type { ConnectionInfo } from "../../../lib/transport/byte_stream.ts";
import { SocketStream } from "../../../lib/transport/socket_stream.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";

const OPTIONS = { clock: new FakeClock(), logger: silentLogger };
const INFO: ConnectionInfo = {
  id: 1,
  local: { hostname: "127.0.0.1", port: 1 },
  remote: { hostname: "127.0.0.1", port: 2 },
  tls: null,
};

/** What both sides answer: an echo, or as many bytes as the path says, in pieces. */
async function application(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/echo") return new Response(request.body, { headers: { "x-method": request.method } });
  if (pathname === "/whole") return new Response(await request.bytes());
  if (pathname === "/nothing") return new Response(null, { status: 204 });
  const size = Number(pathname.slice(1));
  let left = size;
  return new Response(
    new ReadableStream({
      pull(controller) {
        const piece = Math.min(left, 10_000);
        left -= piece;
        if (piece > 0) controller.enqueue(new Uint8Array(piece).fill(120));
        if (left === 0) controller.close();
      },
    }),
  );
}

async function withOurServer(
  handler: HttpServerHandler,
  run: (origin: string, client: Deno.HttpClient) => Promise<void>,
) {
  const closed: Promise<void>[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    closed.push(serveHttp1(new SocketStream({ socket, info: INFO }), handler, OPTIONS).closed);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const client = Deno.createHttpClient({});
  try {
    await run(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`, client);
  } finally {
    client.close();
    await Promise.all(closed);
    await new Promise((resolve) => server.close(resolve));
  }
}

async function withOurClient(run: (connection: HttpClientConnection) => Promise<void>) {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, application);
  const socket = net.connect({ port: server.addr.port, host: "127.0.0.1", allowHalfOpen: true } as net.NetConnectOpts);
  const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  const connection = connectHttp1(new SocketStream({ socket, info: INFO }), OPTIONS);
  try {
    await run(connection);
  } finally {
    connection.close();
    await gone;
    await server.shutdown();
  }
}

const ours: HttpServerHandler = async (request, exchange) => {
  const url = `http://${request.authority}${request.path}`;
  return fromWebResponse(await application(toWebRequest(request, { url, signal: () => exchange.signal })));
};

Deno.test("Deno's fetch gets what serveHttp1() answers", async () => {
  await withOurServer(ours, async (origin, client) => {
    const ask = (path: string, init: RequestInit = {}) => fetch(origin + path, { ...init, client });
    for (let i = 0; i < 20; i++) {
      assert.equal(await (await ask("/whole", { method: "POST", body: `hello ${i}` })).text(), `hello ${i}`);
    }
    const large = new Uint8Array(1_000_000).fill(1);
    for (const path of ["/echo", "/whole"]) {
      assert.deepEqual(await (await ask(path, { method: "PUT", body: large })).bytes(), large);
      const streamed = await ask(path, { method: "POST", body: new Blob([large]).stream() });
      assert.deepEqual(await streamed.bytes(), large);
    }
    assert.equal((await (await ask("/300000")).bytes()).length, 300_000);
    assert.equal((await ask("/nothing")).status, 204);
    const head = await ask("/1000", { method: "HEAD" });
    assert.deepEqual([head.status, (await head.bytes()).length], [200, 0]);
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, i) => ask("/whole", { method: "POST", body: `${i}` })),
    );
    assert.deepEqual(await Promise.all(many.map((one) => one.text())), many.map((_, i) => `${i}`));
  });
});

Deno.test("serveHttp1() notices that Deno's fetch gave up, before and within the response", async () => {
  const reasons: unknown[] = [];
  let arrived!: () => void;
  const arrival = new Promise<void>((resolve) => arrived = resolve);
  const waiting: HttpServerHandler = (request, exchange) =>
    new Promise((resolve) => {
      arrived();
      exchange.signal.addEventListener("abort", () => reasons.push(exchange.reason));
      if (request.path !== "/stream") return;
      const body = new StreamBody(
        new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) }),
      );
      resolve({ status: 200, headers: new HeaderList(), body });
    });
  await withOurServer(waiting, async (origin, client) => {
    const controller = new AbortController();
    const asked = fetch(`${origin}/wait`, { client, signal: controller.signal });
    await arrival;
    controller.abort();
    await assert.rejects(asked, { name: "AbortError" });
    const second = new AbortController();
    const response = await fetch(`${origin}/stream`, { client, signal: second.signal });
    const reader = response.body!.getReader();
    await reader.read();
    second.abort();
    await assert.rejects(reader.read(), { name: "AbortError" });
  });
  assert.equal(reasons.length, 2);
});

function asker(connection: HttpClientConnection) {
  return (changes: Partial<HttpRequest>) =>
    connection.send({
      method: "GET",
      scheme: "http",
      authority: "localhost",
      path: "/",
      headers: new HeaderList(),
      body: null,
      protocol: "HTTP/1.1",
      ...changes,
    }, new Exchange());
}

Deno.test("connectHttp1() gets what Deno.serve answers, all on one connection", async () => {
  await withOurClient(async (connection) => {
    const ask = asker(connection);
    for (let i = 0; i < 20; i++) {
      const body = new BytesBody(new TextEncoder().encode(`hello ${i}`));
      const response = await ask({ method: "POST", path: "/whole", body });
      assert.equal(new TextDecoder().decode((await readAll(response.body))!), `hello ${i}`);
    }
    assert.equal((await readAll((await ask({ path: "/300000" })).body))!.length, 300_000);
    assert.equal((await ask({ path: "/nothing" })).status, 204);
    assert.equal((await ask({ method: "HEAD", path: "/1000" })).body, null);
    assert.equal(connection.available, 1);
  });
});

Deno.test("connectHttp1() sends large content to Deno.serve and gets it back while it is still sending", async () => {
  const large = new Uint8Array(1_000_000).fill(1);
  for (const path of ["/echo", "/whole"]) {
    for (const body of [new BytesBody(large), new StreamBody(new Blob([large]).stream())]) {
      // A connection for each: Deno.serve closes those on which it answered before it had read everything.
      await withOurClient(async (connection) => {
        const response = await asker(connection)({ method: "POST", path, body });
        assert.deepEqual(new Uint8Array((await readAll(response.body))!), large);
      });
    }
  }
});
