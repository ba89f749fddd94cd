/**
 * The command line of enmesh: `doctor` checks whether an environment can join the mesh and says what to do where it
 * cannot, `routes` explains which way a request takes, `version` shows versions.
 *
 * ```sh
 * deno run --allow-net --allow-env --allow-read jsr:@enmesh/enmesh/cli doctor
 * ```
 *
 * @module
 */
import { runCli } from "./run_cli.ts";

export type {
  AdminOptions,
  JoinOptions,
  RootCertificatesOption,
  TokenOption,
  WorkloadOptions,
} from "../bootstrap/join_options.ts";
export type { Clock, Timer } from "../internal/clock.ts";
export type { Logger, LogLevel } from "../internal/logger.ts";
export type { Random } from "../internal/random.ts";
export type { Json } from "../protobuf/well_known.ts";
export type { CheckName, CheckResult, CheckStatus } from "./check.ts";
export { doctor, type DoctorSettings } from "./doctor.ts";
export { type CliSettings, runCli } from "./run_cli.ts";

if (import.meta.main) {
  const encoder = new TextEncoder();
  const terminal = Deno.stdout.isTerminal();
  Deno.exitCode = await runCli(Deno.args, {
    output: (line) => void Deno.stdout.writeSync(encoder.encode(`${line}\n`)),
    error: (line) => void Deno.stderr.writeSync(encoder.encode(`${line}\n`)),
    terminal,
    color: terminal && !Deno.noColor,
  });
}
