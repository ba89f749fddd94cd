import type { Clock } from "../internal/clock.ts";
import { type Handler, stack } from "../internal/layer.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import type { Call } from "../http/call.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { FilterHandle } from "./filter_handle.ts";
import type { HttpLayer } from "./http_filter.ts";
import type { MeshFilter } from "./mesh_filter.ts";
import { type FilterHost, type LoadedFilter, ReadyFilter } from "./ready_filter.ts";
import { userFilterLayer } from "./user_filter.ts";

type Direction = "inbound" | "outbound";

/** What {@linkcode UserFilters} stand on. */
export interface UserFiltersOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Milliseconds that removing a filter waits for requests under way. */
  readonly drainMs: number;
}

/**
 * The filters an application has added with `mesh.use`, in the order of use. Stacks hold one layer of this for all of
 * them, so that adding and removing builds no stack anew; without filters it costs one comparison.
 */
export class UserFilters {
  readonly #options: UserFiltersOptions;
  readonly #host: FilterHost;
  readonly #shared = new Map<symbol, object>();
  /** Every filter in use or being loaded, in the order of use. */
  #slots: readonly Slot[] = [];
  /** What stands in the chains now; a new array with every change. */
  #layers: Record<Direction, readonly HttpLayer[]> = { inbound: [], outbound: [] };

  constructor(options: UserFiltersOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    this.#host = {
      clock,
      random,
      logger,
      shared: <T extends object>(key: symbol, make: () => T): T => {
        let value = this.#shared.get(key) as T | undefined;
        if (value === undefined) this.#shared.set(key, value = make());
        return value;
      },
    };
  }

  /** The layer of all filters of that direction, whichever there are when a request begins. */
  layer(direction: Direction): HttpLayer {
    return (next) => {
      let layers: readonly HttpLayer[] = [];
      let handler: Handler<HttpRequest, HttpResponse, Call> = next;
      return (request, call) => {
        const current = this.#layers[direction];
        if (current !== layers) handler = stack(layers = current, next);
        return handler(request, call);
      };
    };
  }

  /**
   * Adds a filter behind those in use. It sees requests once it is loaded, which a plain one is at once.
   *
   * @throws {MeshError} What loading it says.
   */
  async add(filter: MeshFilter | ReadyFilter): Promise<FilterHandle> {
    const slot = new Slot(filter);
    this.#slots = [...this.#slots, slot];
    if (filter instanceof ReadyFilter) {
      try {
        slot.loaded = await filter.load(this.#host);
      } catch (error) {
        this.#drop(slot);
        throw error;
      }
      if (slot.removed) slot.closeWhenIdle();
    }
    slot.ready = true;
    this.#rebuild();
    const remove = () => this.#remove(slot);
    return { name: filter.name, remove, [Symbol.asyncDispose]: remove };
  }

  /** Takes out every filter and ends what they hold; for a mesh whose requests are over. */
  async close(): Promise<void> {
    const slots = this.#slots;
    for (const slot of slots) this.#drop(slot);
    await Promise.all(slots.map((slot) => slot.close()));
  }

  async #remove(slot: Slot): Promise<void> {
    this.#drop(slot);
    slot.closeWhenIdle();
    const limit = Promise.withResolvers<void>();
    const timer = this.#options.clock.timer(this.#options.drainMs, () => limit.resolve(), { ref: true });
    await Promise.race([slot.closed, limit.promise]);
    timer.cancel();
  }

  #drop(slot: Slot): void {
    slot.removed = true;
    this.#slots = this.#slots.filter((other) => other !== slot);
    this.#rebuild();
  }

  #rebuild(): void {
    const layers = (direction: Direction) =>
      this.#slots.filter((slot) => slot.ready && (slot.filter.direction ?? direction) === direction)
        .map((slot) => slot.layer(direction, this.#options.logger));
    this.#layers = { inbound: layers("inbound"), outbound: layers("outbound") };
  }
}

/** One filter in use. */
class Slot {
  readonly filter: MeshFilter | ReadyFilter;
  loaded: LoadedFilter | null = null;
  ready = false;
  removed = false;
  /** Calls under way that it has seen. */
  #active = 0;
  #closing = false;
  #layers: Partial<Record<Direction, HttpLayer>> = {};
  readonly #closed = Promise.withResolvers<void>();
  readonly #ended = () => {
    if (--this.#active === 0 && this.#closing) void this.close();
  };

  constructor(filter: MeshFilter | ReadyFilter) {
    this.filter = filter;
  }

  /** Settles when the filter holds nothing any more. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** The filter's layer, which counts the calls it sees. */
  layer(direction: Direction, logger: Logger): HttpLayer {
    return this.#layers[direction] ??= (next) => {
      const handler = this.#inner(direction, logger)(next);
      return (request, call) => {
        this.#active++;
        call.exchange.onComplete(this.#ended);
        return handler(request, call);
      };
    };
  }

  #inner(direction: Direction, logger: Logger): HttpLayer {
    const { filter, loaded } = this;
    return filter instanceof ReadyFilter ? loaded!.layer({ direction }) : userFilterLayer(filter, logger);
  }

  closeWhenIdle(): void {
    this.#closing = true;
    if (this.#active === 0) void this.close();
  }

  /** Ends it, whatever is under way. */
  async close(): Promise<void> {
    const { loaded } = this;
    this.loaded = null;
    try {
      await loaded?.close();
    } finally {
      this.#closed.resolve();
    }
  }
}
