import { Status } from "../abi.ts";
import type { Timer } from "../../internal/clock.ts";
import type { RootContext } from "../root_context.ts";
import type { HostGroup } from "./host_group.ts";

/** The tick of one root: `on_tick`, again and again. */
class Ticker {
  readonly #root: RootContext;
  #periodMs = 0;
  /** When the next tick is due, on the monotonic clock. */
  #dueAt = 0;
  #timer: Timer | null = null;
  /** Whether another period is to take effect. */
  #changed = false;

  constructor(root: RootContext) {
    this.#root = root;
  }

  /** Ticks every so many milliseconds, counted from the end of the callback under way; 0 for never. */
  set(periodMs: number): void {
    this.#periodMs = periodMs;
    if (this.#changed) return;
    this.#changed = true;
    // Not from within the module: it may be short of stack or time, and timers are not its own.
    const { vm } = this.#root;
    vm.defer(() => {
      this.#changed = false;
      this.#timer?.cancel();
      this.#timer = null;
      if (this.#periodMs === 0 || vm.failure !== null) return;
      this.#dueAt = vm.host.timers.monotonic() + this.#periodMs;
      this.#arm();
    });
  }

  #arm(): void {
    const { vm } = this.#root;
    const { timers } = vm.host;
    const timer: Timer = this.#timer = timers.timer(this.#dueAt - timers.monotonic(), () =>
      vm.defer(() => {
        // The period may have been changed meanwhile.
        if (this.#timer === timer && !this.#changed) this.#tick(timer);
      }));
  }

  #tick(fired: Timer): void {
    const root = this.#root;
    const { vm } = root;
    if (vm.failure !== null) return;
    vm.run(root, vm.exports.onTick, root.id);
    // The module may have chosen another period, or failed.
    if (this.#timer !== fired || vm.failure !== null) return;
    // Lateness of one tick does not move those after it; ticks that were missed are left out.
    const now = vm.host.timers.monotonic();
    this.#dueAt += this.#periodMs;
    if (this.#dueAt <= now) this.#dueAt = now + this.#periodMs;
    this.#arm();
  }
}

/** Ticks. The period belongs to the root, whichever of its contexts sets it. */
export const timerCalls: HostGroup = (vm) => {
  const tickers = new Map<RootContext, Ticker>();
  return {
    proxy_set_tick_period_milliseconds(period: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      const { root } = context;
      if (root.closed) return Status.OK;
      let ticker = tickers.get(root);
      if (ticker === undefined) {
        const added = ticker = new Ticker(root);
        tickers.set(root, added);
        root.onClose(() => {
          tickers.delete(root);
          added.set(0);
        });
      }
      ticker.set(period >>> 0);
      return Status.OK;
    },
  };
};
