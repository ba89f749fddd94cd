/**
 * Runs benches: `deno task bench [name...] [--json]`. Prints a table with ratios and bars, or one JSON object a line.
 */
import { balancerBench } from "./balancer.ts";
import type { Cell } from "./cell.ts";
import { componentBench } from "./component.ts";
import { grpcBench } from "./grpc.ts";
import { h2loadBench } from "./h2load.ts";
import { httpBench } from "./http.ts";
import { scaleBench } from "./scale.ts";
import { wasmBench } from "./wasm.ts";

const BENCHES: Record<string, (log: (line: string) => void) => Promise<Cell[]>> = {
  http: httpBench,
  grpc: grpcBench,
  h2load: h2loadBench,
  scale: scaleBench,
  balancer: balancerBench,
  component: componentBench,
  wasm: wasmBench,
};

async function main(): Promise<void> {
  const json = Deno.args.includes("--json");
  const wanted = Deno.args.filter((argument) => !argument.startsWith("--"));
  const unknown = wanted.find((name) => BENCHES[name] === undefined);
  if (unknown !== undefined) {
    console.error(`Cannot run bench '${unknown}': there is none, choose from ${Object.keys(BENCHES).join(", ")}`);
    Deno.exit(2);
  }
  const cells: Cell[] = [];
  for (const name of wanted.length > 0 ? wanted : Object.keys(BENCHES)) {
    cells.push(...await BENCHES[name]!((line) => console.error(line)));
  }
  if (json) { for (const cell of cells) console.log(JSON.stringify(cell)); }
  else console.log(table(cells));
}

function table(cells: readonly Cell[]): string {
  const rows = [["cell", "measure", "value", "against", "ratio", "spread", "bar", "met"]];
  for (const cell of cells) {
    rows.push([
      `${cell.name}: ${cell.cell}`,
      cell.measure,
      `${cell.value.toFixed(cell.value < 10 ? 2 : 1)} ${cell.unit}`,
      cell.against || "-",
      cell.ratio === null ? "-" : `${cell.ratio.toFixed(2)} x`,
      `${cell.spread[0].toFixed(2)}-${cell.spread[1].toFixed(2)}`,
      cell.bar,
      cell.met ? "yes" : "NO",
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((text, column) => text.padEnd(widths[column]!)).join("  ").trimEnd()).join("\n");
}

await main();
