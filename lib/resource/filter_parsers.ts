/**
 * How the bytes given to a {@linkcode FilterParser} are to be read: as the message its map key names, or, where the
 * configuration came in a TypedStruct, as a `google.protobuf.Struct` that holds the same fields as JSON.
 */
export type ConfigForm = "message" | "struct";

/** Reads the configuration of one kind of filter. Implemented by the filters, injected into the parsers. */
export interface FilterParser {
  /**
   * @param bytes The configuration.
   * @param form How to read it.
   * @returns What the filter keeps as its plan.
   * @throws {Error} With every reason, when the configuration is not valid.
   */
  parse(bytes: Uint8Array, form: ConfigForm): object;
}

/** What the parsers know about filters. Each map is keyed by the full message name of the configuration. */
export interface FilterParsers {
  /** HTTP filters. */
  readonly http: ReadonlyMap<string, FilterParser>;
  /** Per-route configuration of HTTP filters. */
  readonly perRoute: ReadonlyMap<string, FilterParser>;
  /** Network filters, without `http_connection_manager` and `tcp_proxy`, which are read here. */
  readonly network: ReadonlyMap<string, FilterParser>;
  /** Names of filters that the user skips (`unsupportedFilters`): they are left out, whatever they are. */
  readonly skip: ReadonlySet<string>;
}

/** Knows no filter at all: every one is reported as unsupported. */
export const NO_FILTER_PARSERS: FilterParsers = {
  http: new Map(),
  perRoute: new Map(),
  network: new Map(),
  skip: new Set(),
};

/** Stands in a `PerFilterConfig` for a filter that this route switches off (`FilterConfig.disabled`). */
export const FILTER_DISABLED: object = Object.freeze({ disabled: true });

/** Stands in a `PerFilterConfig` for what a route says to a filter in a configuration that is not supported. */
export const FILTER_UNSUPPORTED: object = Object.freeze({ unsupported: true });

/**
 * Network filters that only count what passes: leaving them out changes no traffic, so they are known and do nothing.
 */
export const STATISTICS_ONLY_NETWORK_FILTERS: ReadonlySet<string> = new Set([
  "envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy",
  "envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy",
  "envoy.extensions.filters.network.postgres_proxy.v3alpha.PostgresProxy",
  "envoy.extensions.filters.network.zookeeper_proxy.v3.ZooKeeperProxy",
  "envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker",
]);
