import type { Clock } from "../internal/clock.ts";
import type { Layer } from "../internal/layer.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import type { Call } from "../http/call.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";

/** A layer of the HTTP data path. */
export type HttpLayer = Layer<HttpRequest, HttpResponse, Call>;

/** What a filter may use. */
export interface FilterContext {
  readonly direction: "inbound" | "outbound";
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The parsed configuration of an HTTP filter: what the injected parser leaves in the resource. */
export interface HttpFilterPlan {
  /** Builds the layer; `null` for filters that do nothing on the request path (statistics only). */
  create(context: FilterContext): HttpLayer | null;
}

/** A kind of HTTP filter: how its configuration is read, and what it does. One file each in `filters/`. */
export interface HttpFilterType {
  /** Full message names of its configuration, as in the type URL or inside a TypedStruct. */
  readonly configTypes: readonly string[];
  /**
   * Reads its configuration.
   *
   * @param bytes The value of the Any (or, for a TypedStruct, of the `google.protobuf.Struct`).
   * @throws {Error} With every reason, when the configuration is not valid.
   */
  parse(bytes: Uint8Array): HttpFilterPlan;
  /** Full message names of its per-route configuration, and how it is read. */
  readonly perRoute?: { readonly configTypes: readonly string[]; parse(bytes: Uint8Array): object };
}
