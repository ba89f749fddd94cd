import type { Clock } from "../internal/clock.ts";
import type { Layer } from "../internal/layer.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import type { Call } from "../http/call.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { Extension } from "../resource/extension.ts";
import type { ConfigForm } from "../resource/filter_parsers.ts";
import type { FilterTelemetry } from "../telemetry/filter_telemetry.ts";

/** A layer of the HTTP data path. */
export type HttpLayer = Layer<HttpRequest, HttpResponse, Call>;

/** What a filter may use. */
export interface FilterContext {
  readonly direction: "inbound" | "outbound";
  readonly clock: Clock;
  /** Timers by the thousand, coarse and cheap. @default {those of `clock`} */
  readonly timers?: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What the telemetry filters share; they do nothing without it. */
  readonly telemetry?: FilterTelemetry;
  /** The cluster of that name in the newest configuration; filters that ask for clusters treat all as unknown without it. */
  readonly cluster?: (name: string) => Cluster | null;
  /** The newest configuration of filters of that name that are to be discovered; without it none ever arrives. */
  readonly extension?: (name: string) => Extension | null;
  /** What runs Wasm plugins; filters that are plugins refuse every request without it. */
  readonly wasm?: WasmLayers;
}

/** Makes the layers of Wasm plugins. Implemented by `proxy_wasm/`. */
export interface WasmLayers {
  /**
   * @param plugin The configuration of the plugin, as its filter has read it.
   * @param name Name of the filter in its chain, by which routes configure it.
   */
  layer(plugin: object, name: string): HttpLayer;
  /**
   * Begins to start a plugin before there is a layer of it. It goes on running while what comes back is kept; `ready`
   * settles when it runs or cannot.
   */
  prepare(plugin: object): { readonly ready: Promise<void> };
}

/** The parsed configuration of an HTTP filter: what the injected parser leaves in the resource. */
export interface HttpFilterPlan {
  /**
   * Builds the layer; `null` for filters that do nothing on the request path (statistics only).
   *
   * @param context What it may use.
   * @param name Name of the filter in its chain, by which routes configure it. @default {the usual one of its kind}
   */
  create(context: FilterContext, name?: string): HttpLayer | null;
  /**
   * Whether its layer only watches. Such layers stand outermost, around the route choice and the other filters, so that
   * they see what others answer too: Envoy runs them at the end of every request, whoever answered it.
   * @default {false}
   */
  readonly watches?: boolean;
  /**
   * Gets ready what its layers need, such as code that has to be fetched. A configuration that arrives by itself is not
   * used before that has settled: until then requests go by the former one, and listeners wait.
   *
   * @returns `null` where nothing takes time.
   */
  prepare?(context: Pick<FilterContext, "wasm">): Promise<void> | null;
  /** What of the configuration is well-formed and not supported, in words; the filter works without it. */
  readonly unsupported?: readonly string[];
}

/** A kind of HTTP filter: how its configuration is read, and what it does. One file each in `filters/`. */
export interface HttpFilterType {
  /** Full message names of its configuration, as in the type URL or inside a TypedStruct. */
  readonly configTypes: readonly string[];
  /**
   * Reads its configuration.
   *
   * @param bytes The value of the Any (or, for a TypedStruct, of the `google.protobuf.Struct`).
   * @param form Which of the two it is.
   * @throws {Error} With every reason, when the configuration is not valid.
   */
  parse(bytes: Uint8Array, form?: ConfigForm): HttpFilterPlan;
  /** Full message names of its per-route configuration, and how it is read. */
  readonly perRoute?: { readonly configTypes: readonly string[]; parse(bytes: Uint8Array): object };
}
