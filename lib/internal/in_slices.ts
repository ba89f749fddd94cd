import type { Clock } from "./clock.ts";

/** How long a slice may take, in milliseconds: a program that serves requests should not notice it. */
const SLICE_MS = 5;

/**
 * Does a long piece of work in slices and lets the event loop turn between them.
 *
 * @param steps The work: each `next()` does a small part of it. What it throws rejects.
 * @param clock Tells how long a slice took, and when the next one begins.
 * @returns What the work returns.
 */
export async function inSlices<T>(steps: Generator<void, T>, clock: Clock): Promise<T> {
  for (;;) {
    const end = clock.monotonic() + SLICE_MS;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (clock.monotonic() < end);
    // Ref: a program that waits for its configuration has nothing else that keeps it alive.
    await new Promise<void>((resolve) => void clock.timer(0, resolve, { ref: true }));
  }
}
