import type { Clock, Timer } from "./clock.ts";

/** Settings of {@linkcode TimerWheel}. */
export interface TimerWheelOptions {
  /**
   * How exact timers are, in milliseconds: none fires early, any up to that much late.
   * @default {10}
   */
  tickMs?: number;
}

/** Slots of the wheel: what is due within as many ticks has a slot of its own time. A power of two. */
const SLOTS = 1024;

/**
 * Many timers over one timer of a clock: arming and cancelling cost nanoseconds, where a timer of the runtime costs more
 * than a microsecond. It is a {@linkcode Clock} itself, so that whoever is given one needs not know.
 *
 * Near timers stand in the slot of their tick, far ones in one list that is looked through twice a turn. The underlying
 * timer is set for the next slot in use and never cancelled by `cancel`: waking up once in vain is cheaper.
 */
export class TimerWheel implements Clock {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #start: number;
  readonly #slots: Entry[] = Array.from({ length: SLOTS }, () => new Entry(0, () => {}));
  readonly #far: Entry = new Entry(0, () => {});
  /** Due and not called yet: outlives a callback that throws. */
  readonly #due: Entry = new Entry(0, () => {});
  readonly #occupancy: { count: number } = { count: 0 };
  /** The last tick whose slot was emptied. */
  #tick = 0;
  #wake: Timer | null = null;
  #wakeTick = Infinity;

  /**
   * Makes an empty wheel.
   *
   * @param clock Time and the one timer.
   * @param options Exactness.
   */
  constructor(clock: Clock, options: TimerWheelOptions = {}) {
    this.#clock = clock;
    this.#tickMs = options.tickMs ?? 10;
    this.#start = clock.monotonic();
  }

  /** Timers that wait. */
  get size(): number {
    return this.#occupancy.count;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  timer(ms: number, callback: () => void, options?: { ref?: boolean }): Timer {
    return options?.ref === true ? this.#clock.timer(ms, callback, options) : this.arm(ms, callback);
  }

  /** Calls `callback` once after `ms` milliseconds. Does not keep the process alive. */
  arm(ms: number, callback: () => void): Timer {
    const elapsed = this.#clock.monotonic() - this.#start;
    // An empty wheel was not turning: it is at the present again without looking at what lies between.
    if (this.#occupancy.count === 0) this.#tick = Math.max(this.#tick, Math.floor(elapsed / this.#tickMs));
    const tick = Math.max(Math.ceil((elapsed + ms) / this.#tickMs), this.#tick + 1);
    const entry = new Entry(tick, callback);
    entry.insert(this.#listOf(tick), this.#occupancy);
    const wakeTick = Math.min(tick, this.#nextLook());
    if (wakeTick < this.#wakeTick) this.#wakeAt(wakeTick, elapsed);
    return entry;
  }

  /** Forgets every timer and stops. */
  close(): void {
    this.#wake?.cancel();
    this.#wake = null;
    this.#wakeTick = Infinity;
    for (const list of [...this.#slots, this.#far, this.#due]) {
      while (list.next !== list) list.next.cancel();
    }
  }

  #listOf(tick: number): Entry {
    return tick - this.#tick < SLOTS ? this.#slots[tick & (SLOTS - 1)]! : this.#far;
  }

  /** When far timers are looked through next: twice a turn, before any of them can be due. */
  #nextLook(): number {
    return this.#tick + SLOTS / 2;
  }

  #wakeAt(tick: number, elapsed: number): void {
    this.#wake?.cancel();
    this.#wakeTick = tick;
    this.#wake = this.#clock.timer(Math.max(tick * this.#tickMs - elapsed, 0), this.#onWake);
  }

  readonly #onWake = (): void => {
    this.#wake = null;
    this.#wakeTick = Infinity;
    const reached = Math.floor((this.#clock.monotonic() - this.#start) / this.#tickMs);
    try {
      this.#turnTo(reached);
    } finally {
      this.#schedule();
    }
  };

  #turnTo(reached: number): void {
    // After a long sleep one turn empties every slot.
    const from = Math.max(this.#tick + 1, reached - SLOTS + 1);
    const due = this.#due;
    for (let tick = from; tick <= reached; tick++) moveAll(this.#slots[tick & (SLOTS - 1)]!, due);
    this.#tick = Math.max(this.#tick, reached);
    for (let entry = this.#far.next; entry !== this.#far;) {
      const next = entry.next;
      if (entry.tick <= reached) entry.moveTo(due);
      else if (entry.tick - this.#tick < SLOTS) entry.moveTo(this.#slots[entry.tick & (SLOTS - 1)]!);
      entry = next;
    }
    // Callbacks may arm and cancel: each is taken out before it runs.
    while (due.next !== due) {
      const entry = due.next;
      entry.cancel();
      entry.callback();
    }
  }

  #schedule(): void {
    if (this.#occupancy.count === 0 || this.#wake !== null && this.#wakeTick <= this.#tick + 1) return;
    let tick = this.#due.next === this.#due ? this.#nextLook() : this.#tick + 1;
    for (let near = this.#tick + 1; near < tick; near++) {
      const slot = this.#slots[near & (SLOTS - 1)]!;
      if (slot.next !== slot) tick = near;
    }
    if (tick < this.#wakeTick) this.#wakeAt(tick, this.#clock.monotonic() - this.#start);
  }
}

/** A timer in its list, or the head of a list. */
class Entry implements Timer {
  readonly tick: number;
  readonly callback: () => void;
  prev: Entry = this;
  next: Entry = this;
  #occupancy: { count: number } | null = null;

  constructor(tick: number, callback: () => void) {
    this.tick = tick;
    this.callback = callback;
  }

  insert(head: Entry, occupancy: { count: number }): void {
    this.#occupancy = occupancy;
    occupancy.count++;
    this.#link(head);
  }

  moveTo(head: Entry): void {
    this.#unlink();
    this.#link(head);
  }

  cancel(): void {
    if (this.#occupancy === null) return;
    this.#occupancy.count--;
    this.#occupancy = null;
    this.#unlink();
  }

  #link(head: Entry): void {
    this.prev = head.prev;
    this.next = head;
    head.prev.next = this;
    head.prev = this;
  }

  #unlink(): void {
    this.prev.next = this.next;
    this.next.prev = this.prev;
    this.prev = this;
    this.next = this;
  }
}

function moveAll(from: Entry, to: Entry): void {
  while (from.next !== from) from.next.moveTo(to);
}
