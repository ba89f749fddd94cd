import type { JoinOptions } from "../bootstrap/join_options.ts";
import { doctor, type DoctorSettings } from "./doctor.ts";
import { formatResult, type ReportStyle } from "./report.ts";
import { runRoutes } from "./routes/run_routes.ts";
import { versions } from "./version.ts";

/** What the command line works with. */
export interface CliSettings extends DoctorSettings {
  /** Takes a line of output, without its line break. */
  readonly output: (line: string) => void;
  /** Takes a line about wrong use. */
  readonly error: (line: string) => void;
  /** Whether the output is a terminal: columns are aligned then. */
  readonly terminal: boolean;
  /** Whether it shows colours. */
  readonly color: boolean;
  /** Options of `Mesh.join` to check with. @default {what the environment and the files of the process say} */
  readonly join?: JoinOptions;
}

const HELP = `enmesh joins an Istio service mesh from inside of a Deno program.

Usage: enmesh COMMAND [--json]

Commands:
  doctor    Checks whether this environment can join the mesh, one line each with the next step to take.
            Reads what Mesh.join() reads: Istio's variables, the files of a pod, ENMESH_FILES for those of a VM.
            Exits with 1 when a check failed.
  routes    Explains which way a request takes through the mesh, and why no other:
            enmesh routes http://reviews:9080/v1/stars -H 'end-user: jason' (see enmesh routes --help).
  version   Shows the versions of enmesh, of the Istio it follows, and of the runtime.

Options:
  --json    Writes one JSON object a line.
  --help    Shows this text.`;

/**
 * Runs the command line.
 *
 * @param args Arguments, without the program.
 * @param settings What it works with.
 * @returns The exit code: 0, or 1 when a check failed or the arguments are wrong.
 */
export async function runCli(args: readonly string[], settings: CliSettings): Promise<number> {
  const first = args.findIndex((arg) => !arg.startsWith("-"));
  if (args[first] === "routes") return await runRoutes(args.toSpliced(first, 1), settings);
  const words = args.filter((arg) => !arg.startsWith("-"));
  const flags = args.filter((arg) => arg.startsWith("-"));
  const wrong = flags.find((flag) => !["--json", "--help", "-h"].includes(flag));
  const [command, extra] = words;
  if (wrong !== undefined || extra !== undefined) {
    settings.error(`Cannot use argument '${wrong ?? extra}': see enmesh --help`);
    return 1;
  }
  if (flags.includes("--help") || flags.includes("-h")) {
    settings.output(HELP);
    return 0;
  }
  const json = flags.includes("--json");
  switch (command) {
    case "doctor":
      return await runDoctor(settings, json);
    case "version":
      showVersions(settings, json);
      return 0;
    case undefined:
      settings.error(HELP);
      return 1;
    default:
      settings.error(`Cannot run command '${command}': expected 'doctor', 'routes' or 'version', see enmesh --help`);
      return 1;
  }
}

async function runDoctor(settings: CliSettings, json: boolean): Promise<number> {
  const { output, terminal, color, join } = settings;
  const style: ReportStyle = json ? { kind: "json" } : terminal ? { kind: "table", color } : { kind: "plain" };
  let code = 0;
  for await (const found of doctor(join, settings)) {
    if (found.status === "failed") code = 1;
    output(formatResult(found, style));
  }
  return code;
}

function showVersions({ output }: CliSettings, json: boolean): void {
  const found = versions();
  if (json) return output(JSON.stringify(found));
  for (const [name, version] of Object.entries(found)) output(`${name.padEnd("enmesh".length)}  ${version}`);
}
