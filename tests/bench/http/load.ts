/** The load generator of the http bench: the same for every path, it is given a `fetch`. */

/** One measured run. */
export interface LoadOrder {
  readonly inFlight: number;
  readonly bytes: number;
  readonly requests: number;
}

/** What a run took. */
export interface LoadResult {
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

/** Any function with the contract of `fetch`, as far as the bench needs it. */
export type Fetch = (url: string, init: { method: string; body: Uint8Array<ArrayBuffer> }) => Promise<Response>;

/** Posts `requests` bodies of `bytes` bytes, `inFlight` at a time, and checks each echo. */
export async function load(fetch: Fetch, url: string, order: LoadOrder): Promise<LoadResult> {
  const body = new Uint8Array(order.bytes).fill(120);
  const latencies = new Float64Array(order.requests);
  let next = 0;
  const worker = async () => {
    while (next < order.requests) {
      const index = next++;
      const start = performance.now();
      const response = await fetch(url, { method: "POST", body });
      const echoed = new Uint8Array(await response.arrayBuffer());
      latencies[index] = performance.now() - start;
      if (response.status !== 200 || echoed.length !== order.bytes || echoed[order.bytes - 1] !== 120) {
        throw new Error(`Unexpected answer: status ${response.status}, ${echoed.length} bytes`);
      }
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: order.inFlight }, worker));
  const seconds = (performance.now() - start) / 1000;
  latencies.sort();
  const at = (part: number) => latencies[Math.min(order.requests - 1, Math.floor(order.requests * part))]!;
  return { seconds, p50: at(0.5), p99: at(0.99) };
}

/** Obeys orders from standard input, one JSON object a line, until it ends. */
export async function obey(run: (order: LoadOrder) => Promise<LoadResult>): Promise<void> {
  let text = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      console.log(JSON.stringify(await run(JSON.parse(line) as LoadOrder)));
    }
  }
}
