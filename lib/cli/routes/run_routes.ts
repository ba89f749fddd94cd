import { loadBootstrap } from "../../bootstrap/bootstrap.ts";
import type { JoinOptions } from "../../bootstrap/join_options.ts";
import { MeshError } from "../../errors.ts";
import { type Clock, systemClock } from "../../internal/clock.ts";
import type { Random } from "../../internal/random.ts";
import { joinQuietly } from "../join_quietly.ts";
import { readRoutesArguments, ROUTES_HELP, type RoutesArguments } from "./arguments.ts";
import { explainRequest } from "./explain_request.ts";
import { renderExplanation } from "./render.ts";
import type { RequestExplanation } from "./request_explanation.ts";

/** What `enmesh routes` works with; see `CliSettings`. */
export interface RoutesSettings {
  readonly output: (line: string) => void;
  readonly error: (line: string) => void;
  readonly terminal: boolean;
  readonly color: boolean;
  readonly join?: JoinOptions;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly timeoutMs?: number;
}

/**
 * Runs `enmesh routes`.
 *
 * @param args What follows the command.
 * @returns The exit code: 0, or 1 where the request would not get anywhere, or could not be explained.
 */
export async function runRoutes(args: readonly string[], settings: RoutesSettings): Promise<number> {
  const { output, error, terminal, color } = settings;
  const read = readRoutesArguments(args);
  if (read.kind === "help") {
    output(ROUTES_HELP);
    return 0;
  }
  if (read.kind === "wrong") {
    error(read.message);
    return 1;
  }
  let explanation: RequestExplanation;
  try {
    explanation = await joinAndExplain(read.arguments, settings);
  } catch (thrown) {
    for (const line of failureLines(thrown)) error(line);
    return 1;
  }
  if (read.arguments.json) output(JSON.stringify(explanation));
  else for (const line of renderExplanation(explanation, { aligned: terminal, color })) output(line);
  return explanation.problem === null ? 0 : 1;
}

/** Joins as the workload does, without listening anywhere, and leaves again. */
async function joinAndExplain(asked: RoutesArguments, settings: RoutesSettings): Promise<RequestExplanation> {
  const { clock = systemClock, random = Math.random, timeoutMs = 10_000, join = {} } = settings;
  const bootstrap = await loadBootstrap(join);
  const warnings: string[] = [];
  try {
    return await joinQuietly(
      bootstrap,
      { clock, random, timeoutMs, warnings },
      ({ store, clusters }) => explainRequest(asked, { snapshot: store.current, clusters, random, now: clock.now() }),
    );
  } catch (error) {
    // What ends the wait says nothing of what was waited for; the log does.
    const last = error instanceof MeshError && error.problems.length === 0 ? warnings.at(-1) : undefined;
    if (last === undefined) throw error;
    throw new MeshError((error as MeshError).code, `${(error as MeshError).message}: ${last.split("\n")[0]}`);
  }
}

function failureLines(error: unknown): string[] {
  if (!(error instanceof MeshError)) {
    return [`Cannot explain the request: ${error instanceof Error ? error.message : String(error)}`];
  }
  const problems = error.problems.map(({ subject, message, hint }) =>
    `  ${subject}: ${message}${hint === undefined ? "" : ` (next: ${hint})`}`
  );
  const [first] = error.message.split("\n");
  return [
    `Cannot join the mesh: ${problems.length === 0 ? first : `${problems.length} problems were found`}`,
    ...problems,
    "Run enmesh doctor: it checks step by step what joining needs",
  ];
}
