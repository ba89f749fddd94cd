import { median } from "./cell.ts";
import type { LoadOrder } from "./http/load.ts";
import type { Measured, Path } from "./http/path.ts";

const ALTERNATIONS = 7;
/**
 * How long one run takes, about. A program that idles for long while others run loses its compiled code and is measured
 * warming up again (twice the CPU after 40 s): turns are short, so that none does.
 */
const RUN_SECONDS = 2;
/** How long each path runs before it is measured: it takes seconds until all of a program is compiled well. */
const WARM_SECONDS = 5;
const FEWEST = 500;

/** The runs of each path, by its name. */
export type Runs = ReadonlyMap<string, readonly Measured[]>;

/**
 * Runs every path in turn, several times: drift of the machine's speed hits all of them alike. Each path makes as many
 * requests a run as take it the same time, at most `order.requests`.
 */
export async function alternate(
  paths: readonly Path[],
  order: LoadOrder,
  name: string,
  log: (line: string) => void,
): Promise<Runs> {
  const orders: LoadOrder[] = [];
  for (const path of paths) {
    const first = { ...order, requests: Math.ceil(order.requests / 4) };
    const { rate } = await path.run(first);
    const lasting = (seconds: number) => Math.max(FEWEST, Math.round(rate * seconds));
    await path.run({ ...order, requests: lasting(WARM_SECONDS) });
    orders.push({ ...order, requests: Math.min(order.requests, lasting(RUN_SECONDS)) });
  }
  const runs = new Map<string, Measured[]>(paths.map((path) => [path.name, []]));
  for (let turn = 0; turn < ALTERNATIONS; turn++) {
    for (const [i, path] of paths.entries()) runs.get(path.name)!.push(await path.run(orders[i]!));
  }
  for (const [path, measured] of runs) {
    const cpu = measured.map((run) => run.cpu);
    log(
      `${name}: ${path.padEnd(7)} cpu ${median(cpu).toFixed(1)} us ` +
        `(${Math.min(...cpu).toFixed(1)}-${Math.max(...cpu).toFixed(1)}), ` +
        `p50 ${median(measured.map((run) => run.p50)).toFixed(2)} ms, ` +
        `p99 ${median(measured.map((run) => run.p99)).toFixed(2)} ms, ` +
        `${Math.round(median(measured.map((run) => run.rate)))}/s`,
    );
  }
  return runs;
}
