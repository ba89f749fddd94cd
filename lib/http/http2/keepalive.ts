import type { Clock, Timer } from "../../internal/clock.ts";

/** What {@linkcode Keepalive} does to the connection. */
export interface KeepaliveOwner {
  /** Whether silence matters now. */
  keepaliveWanted(): boolean;
  /** Asks the peer for a sign of life. */
  keepaliveAsk(): void;
  /** The peer gave none. */
  keepaliveLost(): void;
}

/**
 * Finds out that a peer has vanished. It looks every half interval whether anything was heard, so that a byte received
 * costs one assignment.
 *
 * States: `listening` -> (silent for an interval) `asked` -> `listening` or lost.
 */
export class Keepalive {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  readonly #owner: KeepaliveOwner;
  #timer: Timer | null = null;
  #silentLooks = 0;
  /** Set on every byte from the peer. */
  heard = false;

  /**
   * @param clock Time.
   * @param intervalMs Silence before the peer is asked; 0 switches all of it off.
   * @param timeoutMs Silence after that.
   * @param owner The connection.
   */
  constructor(clock: Clock, intervalMs: number, timeoutMs: number, owner: KeepaliveOwner) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#timeoutMs = timeoutMs;
    this.#owner = owner;
    if (intervalMs > 0) this.#listen();
  }

  /** Ends it. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #listen(): void {
    this.#timer = this.#clock.timer(this.#intervalMs / 2, () => this.#look());
  }

  #look(): void {
    const silent = !this.heard && this.#owner.keepaliveWanted();
    this.heard = false;
    this.#silentLooks = silent ? this.#silentLooks + 1 : 0;
    if (this.#silentLooks < 2) return this.#listen();
    this.#silentLooks = 0;
    this.#owner.keepaliveAsk();
    this.#timer = this.#clock.timer(this.#timeoutMs, () => {
      if (this.heard) this.#look();
      else this.#owner.keepaliveLost();
    });
  }
}
