/** Handle of a pending timer. */
export interface Timer {
  /** Stops the timer; does nothing when it has fired or was cancelled. */
  cancel(): void;
}

/** Time as the library sees it. Injected everywhere, so that tests run on a fake one. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds of a monotonic clock; only differences mean something. */
  monotonic(): number;
  /** Calls `callback` once after `ms` milliseconds. The process is not kept alive by it unless `ref` is set. */
  timer(ms: number, callback: () => void, options?: { ref?: boolean }): Timer;
}

/** The clock of the system. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, callback, options) {
    const id = setTimeout(callback, Math.min(Math.max(ms, 0), 0x7fffffff));
    if (options?.ref !== true) Deno.unrefTimer(id);
    return { cancel: () => clearTimeout(id) };
  },
};
