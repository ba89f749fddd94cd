import { absoluteCell, type Cell } from "../cell.ts";
import { benchWorkload, type Ground, startProgram } from "./path.ts";

/** Process start to first answered request, with the control plane up and the token in a file. */
export async function startupCells({ istiod }: Ground, log: (line: string) => void): Promise<Cell[]> {
  const file = await Deno.makeTempFile();
  const times: number[] = [];
  try {
    const { token, ...options } = await benchWorkload(istiod, "starter");
    await Deno.writeTextFile(file, token);
    const join = JSON.stringify({ ...options, token: { file } });
    for (let turn = 0; turn < 7; turn++) {
      const start = performance.now();
      await using program = startProgram("first_request.ts", [], { ENMESH_BENCH_JOIN: join });
      const line = await program.line();
      if (line !== "200") throw new Error(`Unexpected first answer: '${line}'`);
      times.push(performance.now() - start);
    }
  } finally {
    await Deno.remove(file);
  }
  log(`http: start to first answer ${times.map((ms) => ms.toFixed(0)).join(", ")} ms`);
  return [absoluteCell(
    { name: "http", cell: "process start", measure: "first answered request", unit: "ms" },
    times.slice(1),
    350,
  )];
}
