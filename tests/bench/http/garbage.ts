import { absoluteCell, type Cell } from "../cell.ts";
import type { FakeIstiod } from "../../../lib/testing/mod.ts";
import { clientHello } from "../../support/client_hello.ts";
import { startHeapTarget } from "./heap_target.ts";
import type { Ground } from "./path.ts";

const CONNECTIONS = 100_000;

/** What a flood of garbage cost a server. */
export interface FloodResult {
  /** Growth of the heap in use after collection, MiB. */
  readonly growthMiB: number;
  /** Honest requests answered meanwhile. */
  readonly answered: number;
  readonly seconds: number;
}

/** Floods a `mesh.serve` of its own process with garbage connections. */
export async function measureFlood(istiod: FakeIstiod, connections: number): Promise<FloodResult> {
  await using target = await startHeapTarget(istiod);
  // What the first connections load and compile is no growth.
  await flood(target.port, 2_000);
  const before = await target.heap();
  const start = performance.now();
  const answered = await flood(target.port, connections);
  const seconds = (performance.now() - start) / 1000;
  return { growthMiB: await target.heap() - before, answered, seconds };
}

/** Garbage connections to `mesh.serve`: what the heap keeps of them, with honest requests served meanwhile. */
export async function garbageCells({ istiod }: Ground, log: (line: string) => void): Promise<Cell[]> {
  const { growthMiB, answered, seconds } = await measureFlood(istiod, CONNECTIONS);
  log(
    `http: ${CONNECTIONS} garbage connections in ${seconds.toFixed(0)} s, ${answered} honest requests answered ` +
      `meanwhile, heap ${growthMiB >= 0 ? "+" : ""}${growthMiB.toFixed(2)} MiB`,
  );
  return [absoluteCell(
    { name: "http", cell: `${CONNECTIONS} garbage connections`, measure: "heap growth after gc", unit: "MiB" },
    [growthMiB],
    2,
  )];
}

/** Opens connections that send garbage, 64 at a time, and asks honestly once in a hundred; counts the honest answers. */
async function flood(port: number, connections: number): Promise<number> {
  let next = 0;
  let answered = 0;
  const worker = async () => {
    while (next < connections) {
      const index = next++;
      if (index % 100 === 0) {
        const response = await fetch(`http://127.0.0.1:${port}/`);
        await response.body?.cancel();
        if (response.status !== 200) throw new Error(`An honest request got ${response.status}`);
        answered++;
      }
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      try {
        await connection.write(GARBAGE[index % GARBAGE.length]!);
        await connection.closeWrite();
        const buffer = new Uint8Array(256);
        while (await connection.read(buffer) !== null) { /* until the server hangs up */ }
      } catch {
        /* a reset is an answer too */
      } finally {
        connection.close();
      }
    }
  };
  await Promise.all(Array.from({ length: 64 }, worker));
  return answered;
}

const GARBAGE = [
  // Good enough for the runtime to begin a handshake.
  clientHello({ alpn: ["istio"], extra: [[10, new Uint8Array([0, 2, 0, 29])], [43, new Uint8Array([2, 3, 4])]] }),
  new TextEncoder().encode("\x16\x03\x01\x00\x05hello"),
  new TextEncoder().encode("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
  new TextEncoder().encode("NOT HTTP AT ALL\r\n\r\n"),
  new TextEncoder().encode("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
  new Uint8Array(64).fill(0),
  new Uint8Array(0),
];
