import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import type { FilterContext, HttpLayer } from "./http_filter.ts";

/** What a mesh gives a filter that is loaded into it. */
export interface FilterHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What all filters of a mesh that name the same key have in common (caches); made by the first. */
  shared<T extends object>(key: symbol, make: () => T): T;
}

/** A filter that is ready for requests. */
export interface LoadedFilter {
  /** Its layer in one direction. */
  layer(context: Pick<FilterContext, "direction">): HttpLayer;
  /** Called once, when no request needs it any more. */
  close(): void | Promise<void>;
}

/**
 * A filter that a function of enmesh has made (a WASI component, a Proxy-Wasm module), for `mesh.use`. What it does is its
 * own business.
 */
export abstract class ReadyFilter {
  /** What log lines call it. */
  readonly name: string;
  /** Which requests it sees; both directions where absent. */
  readonly direction: "inbound" | "outbound" | undefined;

  /** Not for applications: implement `MeshFilter` instead. */
  protected constructor(name: string, direction: "inbound" | "outbound" | undefined) {
    this.name = name;
    this.direction = direction;
  }

  /**
   * Gets it ready, off the path of requests.
   *
   * @ignore
   * @throws {MeshError} `CONFIG_INVALID` when it cannot be, `PERMISSION_MISSING` where the program may not.
   */
  abstract load(host: FilterHost): Promise<LoadedFilter>;
}
