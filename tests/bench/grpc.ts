import { FakeIstiod } from "../../lib/testing/mod.ts";
import { type Cell, median, ratioCell } from "./cell.ts";
import { certificateFiles } from "./certificates.ts";
import { directPath, enmeshPath, pairPath } from "./grpc/path.ts";
import type { GrpcOrder } from "./grpc/load.ts";
import type { Ground, Measured, Path } from "./http/path.ts";

const UNARY: GrpcOrder = { kind: "unary", inFlight: 32, bytes: 1024, requests: 20_000 };
const STREAM: GrpcOrder = { kind: "stream", inFlight: 4, bytes: 1024, requests: 100_000 };
const ALTERNATIONS = 5;

/** The gRPC bench: one generated stub through each of three paths, in turn, as ratios. */
export async function grpcBench(log: (line: string) => void): Promise<Cell[]> {
  await using istiod = await FakeIstiod.start();
  const folder = await Deno.makeTempDir();
  try {
    const ground: Ground = { istiod, certificates: await certificateFiles(istiod, folder) };
    await using stack = new AsyncDisposableStack();
    const paths: Path[] = [];
    for (const start of [directPath, pairPath, enmeshPath]) {
      log(`grpc: starting ${start.name.replace("Path", "")}`);
      paths.push(stack.use(await start(ground)));
    }
    const unary = await alternate(paths, UNARY, "unary, 1 KiB, 32 in flight", log);
    const stream = await alternate(paths, STREAM, "server stream, 1 KiB messages", log);
    const cpu = (name: string) => unary.get(name)!.map((run) => run.cpu);
    const rate = (name: string) => stream.get(name)!.map((run) => STREAM.requests / run.seconds);
    const call = { name: "grpc", cell: "unary, 1 KiB, 32 in flight", measure: "cpu", unit: "us" } as const;
    return [
      ratioCell({ ...call, against: "grpc-js" }, cpu("enmesh"), cpu("grpc-js"), { atMost: 0.4 }),
      ratioCell({ ...call, against: "pair" }, cpu("enmesh"), cpu("pair"), { atMost: 0.2 }),
      ratioCell(
        { name: "grpc", cell: "server stream, 1 KiB", measure: "messages/s", unit: "1/s", against: "grpc-js" },
        rate("enmesh"),
        rate("grpc-js"),
        { atLeast: 2 },
      ),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs every path in turn, several times: drift of the machine's speed hits all of them alike. */
async function alternate(
  paths: readonly Path[],
  order: GrpcOrder,
  cell: string,
  log: (line: string) => void,
): Promise<Map<string, Measured[]>> {
  const runs = new Map<string, Measured[]>(paths.map(({ name }) => [name, []]));
  for (const path of paths) await path.run({ ...order, requests: order.requests / 2 });
  for (let turn = 0; turn < ALTERNATIONS; turn++) {
    for (const path of paths) runs.get(path.name)!.push(await path.run(order));
  }
  for (const [name, measured] of runs) {
    const cpu = measured.map((run) => run.cpu);
    log(
      `grpc: ${cell}: ${name.padEnd(7)} cpu ${median(cpu).toFixed(1)} us ` +
        `(${Math.min(...cpu).toFixed(1)}-${Math.max(...cpu).toFixed(1)}), ` +
        `p50 ${median(measured.map((run) => run.p50)).toFixed(2)} ms, ` +
        `${Math.round(order.requests / median(measured.map((run) => run.seconds)))}/s`,
    );
  }
  return runs;
}
