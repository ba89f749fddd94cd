import { MeshError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";

/** Runs something that ends when aborted, for so long at most. @throws {MeshError} `CONTROL_PLANE_UNAVAILABLE` then. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const timer = clock.timer(ms, () => {
    stop.abort(new MeshError("CONTROL_PLANE_UNAVAILABLE", `No answer within ${Math.round(ms / 1000)} s`));
  }, { ref: true });
  try {
    return await run(stop.signal);
  } finally {
    timer.cancel();
  }
}
