import type { Socket } from "node:net";
import type { Clock, Timer } from "../internal/clock.ts";

/** What a registry counts. */
export type HandleKind = "socket" | "server" | "timer" | "channel";

/**
 * Counts what one mesh holds open. The runtime's test sanitizers do not see leaked `node:net` sockets and servers, so
 * every test of a whole mesh asserts that this registry is empty at its end.
 */
export class HandleRegistry {
  readonly #open: Record<HandleKind, number> = { socket: 0, server: 0, timer: 0, channel: 0 };
  readonly #waiting = new Set<() => void>();
  #lastId = 0;

  /** An id for a connection, unique within this registry. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Notes that a handle was opened. Every call is paired with one of {@linkcode HandleRegistry.closed}. */
  opened(kind: HandleKind): void {
    this.#open[kind]++;
  }

  /** Notes that a handle is gone. */
  closed(kind: HandleKind): void {
    this.#open[kind]--;
    if (this.total === 0 && this.#waiting.size > 0) {
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
    }
  }

  /** A timer that is counted until it fires or is cancelled. */
  timer(clock: Clock, ms: number, callback: () => void, options?: { ref?: boolean }): Timer {
    let pending = true;
    const settle = (): boolean => {
      if (!pending) return false;
      pending = false;
      this.closed("timer");
      return true;
    };
    this.opened("timer");
    const timer = clock.timer(ms, () => {
      if (settle()) callback();
    }, options);
    return {
      cancel: () => {
        if (settle()) timer.cancel();
      },
    };
  }

  /** How many handles of a kind are open. */
  count(kind: HandleKind): number {
    return this.#open[kind];
  }

  /** How many handles of any kind are open. */
  get total(): number {
    return this.#open.socket + this.#open.server + this.#open.timer + this.#open.channel;
  }

  /** What is open by kind, for messages and assertions. */
  snapshot(): Readonly<Record<HandleKind, number>> {
    return { ...this.#open };
  }

  /** Resolves when nothing is open (any more). Sockets report their end one turn after they were destroyed. */
  idle(): Promise<void> {
    if (this.total === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }
}

/** Counts a socket from now on until it is closed. */
export function trackSocket(registry: HandleRegistry, socket: Socket): void {
  registry.opened("socket");
  socket.once("close", () => registry.closed("socket"));
}
