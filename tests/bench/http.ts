import { FakeIstiod } from "../../lib/testing/mod.ts";
import { alternate, type Runs } from "./alternate.ts";
import { absoluteCell, type Cell, ratioCell } from "./cell.ts";
import { certificateFiles } from "./certificates.ts";
import { garbageCells } from "./http/garbage.ts";
import { startupCells } from "./http/startup.ts";
import { directPath, enmeshPath, floorPath, type Ground, http1Path, pairPath, type Path } from "./http/path.ts";

/** Situations of the load, with the requests of one run. */
const LOADS = [
  { cell: "32 in flight, 100 B", inFlight: 32, bytes: 100, requests: 30_000 },
  { cell: "1 in flight, 100 B", inFlight: 1, bytes: 100, requests: 6_000 },
  { cell: "32 in flight, 64 KiB", inFlight: 32, bytes: 65_536, requests: 6_000 },
] as const;

/**
 * What "after the load" means for memory: the bar stands for the first. Figures after the second are printed beside it
 * and have no bar: they are mostly array buffers that await a collection and what the system's allocator holds back, and
 * those of the plain programs alone differ by 100 MiB from run to run (194 to 293 MiB).
 */
const MEMORY_AFTER = [LOADS[0], LOADS[2]] as const;

/** The http bench: one request through each of four paths, in turn, as ratios. */
export async function httpBench(log: (line: string) => void): Promise<Cell[]> {
  await using istiod = await FakeIstiod.start();
  const folder = await Deno.makeTempDir();
  const cells: Cell[] = [];
  try {
    const ground: Ground = { istiod, certificates: await certificateFiles(istiod, folder) };
    // First of all: a program whose modules are not in the runtime's caches keeps the memory of having parsed them.
    cells.push(...await startupCells(ground, log));
    {
      await using stack = new AsyncDisposableStack();
      const paths: Path[] = [];
      for (const start of [directPath, pairPath, enmeshPath, http1Path, floorPath]) {
        log(`http: starting ${start.name.replace("Path", "")}`);
        paths.push(stack.use(await start(ground)));
      }
      for (const order of LOADS) {
        cells.push(...cellsOf(order.cell, await alternate(paths, order, `http: ${order.cell}`, log)));
        if (MEMORY_AFTER.some(({ cell }) => cell === order.cell)) {
          const memory = await memoryAfter(paths, order, log);
          if (order === MEMORY_AFTER[0]) cells.push(memoryCell(order.cell, memory));
        }
      }
    }
    cells.push(...await garbageCells(ground, log));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return cells;
}

/** Memory of each path 5 s after a run of its own: the collectors of all of them have had the same time. */
async function memoryAfter(
  paths: Path[],
  order: (typeof LOADS)[number],
  log: (line: string) => void,
): Promise<Record<string, number>> {
  const memory: Record<string, number> = {};
  for (const path of paths) {
    await path.run(order);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    memory[path.name] = path.memoryMiB();
  }
  const figures = Object.entries(memory).map(([name, mib]) => `${name} ${mib.toFixed(0)} MiB`);
  log(`http: memory 5 s after ${order.cell}: ${figures.join(", ")}`);
  return memory;
}

function memoryCell(cell: string, memory: Record<string, number>): Cell {
  return absoluteCell(
    { name: "http", cell: `memory 5 s after ${cell}`, measure: "Pss over direct", unit: "MiB" },
    [memory.enmesh! - memory.direct!],
    60,
  );
}

function cellsOf(cell: string, runs: Runs): Cell[] {
  const values = (path: string, measure: "cpu" | "p50" | "rate") => runs.get(path)!.map((run) => run[measure]);
  const ratio = (ours: "enmesh" | "http1", measure: "cpu" | "p50", against: string, atMost: number) =>
    ratioCell(
      { name: ours === "enmesh" ? "http" : "http/1.1", cell, measure, unit: measure === "cpu" ? "us" : "ms", against },
      values(ours, measure),
      values(against, measure),
      { atMost },
    );
  const both = (measure: "cpu" | "p50", against: string, atMost: number) =>
    (["enmesh", "http1"] as const).map((ours) => ratio(ours, measure, against, atMost));
  if (cell.startsWith("32 in flight, 100 B")) {
    return [
      ...both("cpu", "direct", 1.2),
      ratio("enmesh", "cpu", "direct", 0.65),
      ratio("enmesh", "cpu", "http1", 0.65),
      ...both("cpu", "pair", 0.27),
      ...both("p50", "pair", 0.33),
      ...(["enmesh", "http1"] as const).map((ours) =>
        ratioCell(
          { name: ours === "enmesh" ? "http" : "http/1.1", cell, measure: "requests/s", unit: "1/s", against: "pair" },
          values(ours, "rate"),
          values("pair", "rate"),
          { atLeast: 3.5 },
        )
      ),
    ];
  }
  if (cell.startsWith("1 in flight")) {
    return [
      ...both("cpu", "direct", 1.25),
      ratio("enmesh", "cpu", "http1", 1.05),
      ...both("cpu", "pair", 0.28),
      ...both("p50", "pair", 0.3),
    ];
  }
  return [...both("cpu", "pair", 0.75), ratio("enmesh", "cpu", "pair", 0.55)];
}
