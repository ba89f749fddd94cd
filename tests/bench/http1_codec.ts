/**
 * What a request costs in the codec and the conversions, without sockets, TLS and mesh: to steer by, not to promise.
 *
 * Run: `deno run --allow-hrtime tests/bench/http1_codec.ts`
 *
 * @module
 */
import { BytesBody, readAll } from "../../lib/http/body.ts";
import type { HttpClientConnection } from "../../lib/http/codec.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { connectHttp1 } from "../../lib/http/http1/client_connection.ts";
import { serveHttp1 } from "../../lib/http/http1/server_connection.ts";
import { FetchUrls } from "../../lib/http/web/fetch_url.ts";
import { fromFetchArguments } from "../../lib/http/web/request_from_fetch.ts";
import { toWebRequest } from "../../lib/http/web/request_to_web.ts";
import { fromWebResponse } from "../../lib/http/web/response_from_web.ts";
import { toWebResponse } from "../../lib/http/web/response_to_web.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { TimerWheel } from "../../lib/internal/timer_wheel.ts";
import type { ByteStream, ByteStreamHandler, ConnectionInfo } from "../../lib/transport/byte_stream.ts";

const encoder = new TextEncoder();

/** An in-memory stream as cheap as it can be: what is corked is joined and handed over in a microtask. */
class BenchStream implements ByteStream {
  readonly info: ConnectionInfo = {
    id: 1,
    local: { hostname: "127.0.0.1", port: 1 },
    remote: { hostname: "127.0.0.1", port: 2 },
    tls: null,
  };
  readonly writableLength = 0;
  peer!: BenchStream;
  #handler!: ByteStreamHandler;
  #corked = 0;
  #pending: (Uint8Array | string)[] = [];
  #scheduled = false;

  start(handler: ByteStreamHandler): void {
    this.#handler = handler;
  }
  write(bytes: Uint8Array): boolean {
    this.#push(bytes);
    return true;
  }
  writeAscii(text: string): boolean {
    this.#push(text);
    return true;
  }
  cork(): void {
    this.#corked++;
  }
  uncork(): void {
    if (--this.#corked === 0 && this.#pending.length > 0) this.#schedule();
  }
  #push(piece: Uint8Array | string): void {
    this.#pending.push(piece);
    if (this.#corked === 0) this.#schedule();
  }
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#deliver);
  }
  readonly #deliver = (): void => {
    this.#scheduled = false;
    const pieces = this.#pending;
    this.#pending = [];
    let length = 0;
    for (const piece of pieces) length += piece.length;
    const joined = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      if (typeof piece === "string") encoder.encodeInto(piece, at === 0 ? joined : joined.subarray(at));
      else joined.set(piece, at);
      at += piece.length;
    }
    this.peer.#handler.onData(joined);
  };
  end(): void {}
  destroy(): void {}
  pause(): void {}
  resume(): void {}
  ref(): void {}
  unref(): void {}
  setNoDelay(): void {}
  setKeepAlive(): void {}
}

async function measure(what: string, count: number, run: (i: number) => unknown): Promise<void> {
  for (let i = 0; i < count / 5; i++) await run(i);
  const rounds: number[] = [];
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    for (let i = 0; i < count; i++) await run(i);
    rounds.push((performance.now() - started) / count * 1e6);
  }
  rounds.sort((a, b) => a - b);
  // deno-lint-ignore no-console -- printing is what a bench is for
  console.log(`${what.padEnd(64)} ${rounds[2]!.toFixed(0).padStart(7)} ns  (${rounds[0]!.toFixed(0)})`);
}

const clock = new TimerWheel(systemClock);
const PEER_METADATA = "ChgKDkFQUF9DT05UQUlORVJTEgYaBHRlc3QKGgoKQ0xVU1RFUl9JRBIMGgpLdWJlcm5ldGVz".repeat(4);
let number = 0;

/** Headers as a mesh request has them: most the same each time, two new ones. */
function meshHeaders(): HeaderList {
  const id = String(++number).padStart(12, "0");
  return new HeaderList([
    "content-type",
    "application/json",
    "accept",
    "*/*",
    "accept-language",
    "*",
    "user-agent",
    "Deno/2.9.6",
    "accept-encoding",
    "gzip,br",
    "x-forwarded-proto",
    "http",
    "x-envoy-peer-metadata-id",
    "sidecar~10.0.0.1~client-5d4f.default~default.svc.cluster.local",
    "x-envoy-peer-metadata",
    PEER_METADATA,
    "x-request-id",
    `6e3b1c9e-1df1-4f9b-9a57-${id}`,
    "traceparent",
    `00-0af7651916cd43dd8448eb211c80319c-0000${id}-01`,
  ]);
}

function connectionPair(serve: Parameters<typeof serveHttp1>[1]): HttpClientConnection {
  const near = new BenchStream();
  const far = new BenchStream();
  near.peer = far;
  far.peer = near;
  serveHttp1(far, serve, { clock, logger: silentLogger });
  return connectHttp1(near, { clock, logger: silentLogger });
}

const content = encoder.encode("x".repeat(100));
const large = new Uint8Array(65536).fill(120);
const responseHeaders = () => new HeaderList(["content-type", "application/json", "server", "istio-envoy"]);

for (const [name, bytes] of [["100 B", content], ["64 KiB", large]] as const) {
  const messages = connectionPair((request) => {
    const body = request.body!.whole()!;
    return Promise.resolve({ status: 200, headers: responseHeaders(), body: new BytesBody(body) });
  });
  await measure(`codec both sides, POST echo of ${name}, 1 KB heads`, 20_000, async () => {
    const response = await messages.send({
      method: "POST",
      scheme: "http",
      authority: "reviews.default:9080",
      path: "/reviews/1",
      headers: meshHeaders(),
      body: new BytesBody(bytes),
      protocol: "HTTP/1.1",
    }, new Exchange());
    await readAll(response.body);
  });

  const urls = new FetchUrls();
  const echo = async (request: Request) =>
    new Response(await request.bytes(), { headers: { "content-type": "application/json" } });
  const web = connectionPair((request, exchange) =>
    echo(toWebRequest(request, { url: `http://${request.authority}${request.path}`, signal: () => exchange.signal }))
      .then(
        (response) => fromWebResponse(response),
      )
  );
  await measure(`the same with web objects on both sides`, 20_000, async () => {
    const { request, url } = fromFetchArguments("http://reviews.default:9080/reviews/1", {
      method: "POST",
      body: bytes,
      headers: { "content-type": "application/json" },
    }, { urls });
    request.headers.pairs.push(...meshHeaders().pairs.slice(10));
    const message = await web.send(request, new Exchange());
    const response = toWebResponse(message, { url: url.href, redirected: false, method: request.method });
    if (response.status !== 200) throw new Error("Cannot measure: the response is not 200");
    await response.bytes();
  });
}

const urls = new FetchUrls();
await measure("fromFetchArguments(), POST with headers", 100_000, () => {
  fromFetchArguments("http://reviews.default:9080/reviews/1", {
    method: "POST",
    body: content,
    headers: { "content-type": "application/json" },
  }, { urls });
});
const signal = new AbortController().signal;
await measure("toWebRequest(), method, url and one header read", 100_000, () => {
  const request = toWebRequest({
    method: "POST",
    scheme: "http",
    authority: "a",
    path: "/",
    headers: meshHeaders(),
    body: new BytesBody(content),
    protocol: "HTTP/1.1",
  }, { url: "http://a/", signal: () => signal });
  return request.method === "POST" && request.url.length > 3 && request.headers.get("content-type") === null;
});
await measure(
  "toWebResponse() and text()",
  100_000,
  () =>
    toWebResponse({ status: 200, headers: responseHeaders(), body: new BytesBody(content) }, {
      url: "http://a/",
      redirected: false,
      method: "GET",
    }).text(),
);
await measure(
  "fromWebResponse(new Response(bytes, { headers }))",
  100_000,
  () => fromWebResponse(new Response(content, { headers: { "content-type": "application/json" } })),
);
await measure("fromWebResponse(Response.json())", 100_000, () => fromWebResponse(Response.json({ a: 1 })));
await measure("new TimerWheel().arm() and cancel()", 200_000, () => clock.arm(15_000, () => {}).cancel());
clock.close();
