import type { Bootstrap } from "../bootstrap/bootstrap.ts";
import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import { MeshRuntime } from "../mesh_runtime.ts";
import { withDeadline } from "./deadline.ts";

/** How {@linkcode joinQuietly} joins. */
export interface JoinQuietlyOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds until it is given up. */
  readonly timeoutMs: number;
  /** Takes the warnings and errors of the log. */
  readonly warnings: string[];
}

/** Joins as the workload does, without listening anywhere, uses what was received, and leaves again. */
export async function joinQuietly<T>(
  bootstrap: Bootstrap,
  { clock, random, timeoutMs, warnings }: JoinQuietlyOptions,
  use: (runtime: MeshRuntime) => T | Promise<T>,
): Promise<T> {
  const logger: Logger = {
    log: (level, message) => void (level === "warning" || level === "error" ? warnings.push(message) : null),
  };
  const ports = { admin: false, status: false, readiness: false, prometheus: false } as const;
  const runtime = new MeshRuntime({ bootstrap: { ...bootstrap, ports }, clock, random, logger });
  try {
    await withDeadline(clock, timeoutMs, (signal) => runtime.join(signal));
    return await use(runtime);
  } finally {
    await runtime.close({ drain: 0 });
  }
}
