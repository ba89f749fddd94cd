/**
 * The floor: a minimal HTTP/1.1 echo over mutual TLS on `node:tls` and nothing else. `floor.ts server PORT` or
 * `floor.ts client URL`, with certificate files in `ENMESH_BENCH_CERTS`.
 */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import tls from "node:tls";
import { type LoadOrder, type LoadResult, obey } from "./load.ts";

const files = JSON.parse(Deno.env.get("ENMESH_BENCH_CERTS")!) as { chain: string; key: string; root: string };
const credentials = { cert: readFileSync(files.chain), key: readFileSync(files.key), ca: readFileSync(files.root) };

/** Calls `onMessage` with head and body of each message that has a content-length. */
function parse(onMessage: (body: Buffer) => void): (chunk: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const head = pending.toString("latin1", 0, Math.min(pending.length, 512));
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      const length = Number(/content-length: (\d+)/.exec(head)![1]);
      if (pending.length < end + 4 + length) return;
      onMessage(pending.subarray(end + 4, end + 4 + length));
      pending = pending.subarray(end + 4 + length);
    }
  };
}

function send(socket: tls.TLSSocket, head: string, body: Uint8Array): void {
  socket.cork();
  socket.write(`${head}content-length: ${body.length}\r\n\r\n`, "latin1");
  socket.write(body);
  socket.uncork();
}

function serve(port: number): void {
  tls.createServer({ ...credentials, requestCert: true, rejectUnauthorized: true }, (socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", parse((body) => send(socket, "HTTP/1.1 200 OK\r\n", body)));
  }).listen(port, "127.0.0.1", () => console.log("ready"));
}

async function connect(port: number): Promise<(body: Uint8Array) => Promise<Buffer>> {
  const socket = tls.connect({ ...credentials, host: "127.0.0.1", port, checkServerIdentity: () => undefined });
  socket.setNoDelay(true);
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  let answer: (body: Buffer) => void = () => {};
  socket.on("data", parse((body) => answer(body)));
  return (body) =>
    new Promise((resolve) => {
      answer = resolve;
      send(socket, "POST / HTTP/1.1\r\nhost: echo\r\n", body);
    });
}

const pool: ((body: Uint8Array) => Promise<Buffer>)[] = [];

async function run(port: number, order: LoadOrder): Promise<LoadResult> {
  while (pool.length < order.inFlight) pool.push(await connect(port));
  const body = new Uint8Array(order.bytes).fill(120);
  const latencies = new Float64Array(order.requests);
  let next = 0;
  const start = performance.now();
  await Promise.all(
    pool.slice(0, order.inFlight).map(async (exchange) => {
      while (next < order.requests) {
        const index = next++;
        const begun = performance.now();
        if ((await exchange(body)).length !== order.bytes) throw new Error("Unexpected answer");
        latencies[index] = performance.now() - begun;
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  latencies.sort();
  return { seconds, p50: latencies[order.requests >> 1]!, p99: latencies[Math.floor(order.requests * 0.99)]! };
}

if (Deno.args[0] === "server") serve(Number(Deno.args[1]));
else await obey((order) => run(Number(new URL(Deno.args[1]!).port), order)).then(() => Deno.exit(0));
