/** The load generator of the gRPC bench: the same for every path, it is given a stub. */
import type { LoadOrder, LoadResult } from "../http/load.ts";
import type { EchoClient, Payload } from "./echo_service.ts";

/** One measured run: unary calls, or messages of server streams of `STREAM_MESSAGES` each. */
export interface GrpcOrder extends LoadOrder {
  readonly kind: "unary" | "stream";
}

/** Messages of one stream. */
export const STREAM_MESSAGES = 1000;

/** Makes `requests` calls (or streams that bring as many messages together) of `bytes` bytes, `inFlight` at a time. */
export async function load(client: EchoClient, order: LoadOrder): Promise<LoadResult> {
  const { kind, inFlight, bytes, requests } = order as GrpcOrder;
  const content = new Uint8Array(bytes).fill(120);
  const calls = kind === "unary" ? requests : Math.ceil(requests / STREAM_MESSAGES);
  const latencies = new Float64Array(calls);
  const check = (message: Payload) => {
    if (message.content.length !== bytes || message.content[bytes - 1] !== 120) throw new Error("Unexpected answer");
  };
  const unary = () =>
    new Promise<void>((resolve, reject) =>
      client.unary({ content, count: 0 }, (error, value) => {
        if (error !== null) return reject(error);
        check(value!);
        resolve();
      })
    );
  const stream = async () => {
    let seen = 0;
    for await (const message of client.stream({ content, count: STREAM_MESSAGES })) {
      check(message);
      seen++;
    }
    if (seen !== STREAM_MESSAGES) throw new Error(`Unexpected end of a stream after ${seen} messages`);
  };
  const call = kind === "unary" ? unary : stream;
  let next = 0;
  const worker = async () => {
    while (next < calls) {
      const index = next++;
      const start = performance.now();
      await call();
      latencies[index] = performance.now() - start;
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - start) / 1000;
  latencies.sort();
  const at = (part: number) => latencies[Math.min(calls - 1, Math.floor(calls * part))]!;
  return { seconds, p50: at(0.5), p99: at(0.99) };
}
