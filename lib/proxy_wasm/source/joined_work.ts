interface Shared<T> {
  readonly promise: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
}

/** Work that several ask for at once and that is done once; it is given up when the last of them has given up. */
export class JoinedWork<T> {
  readonly #running = new Map<string, Shared<T>>();

  /**
   * The outcome of the work of that key, which is begun where it is not under way.
   *
   * @param key What the same work has in common.
   * @param work Does it.
   * @param signal Gives up waiting: rejects with its reason.
   */
  async join(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const shared = this.#running.get(key) ?? this.#begin(key, work);
    shared.waiting++;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([shared.promise, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (--shared.waiting === 0 && signal.aborted) {
        if (this.#running.get(key) === shared) this.#running.delete(key);
        shared.stop.abort(signal.reason);
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const stop = new AbortController();
    const promise = work(stop.signal);
    const shared: Shared<T> = { promise, stop, waiting: 0 };
    this.#running.set(key, shared);
    promise.catch(() => {}).finally(() => {
      if (this.#running.get(key) === shared) this.#running.delete(key);
    });
    return shared;
  }
}
