/** What serves in place of a filter's configuration for as long as none has arrived. */
export interface DefaultFilterConfig {
  /** Full message name. */
  readonly typeUrl: string;
  /** What the injected parser made of it; `null` where its type is not supported. */
  readonly plan: object | null;
}

/** A filter whose configuration arrives by itself, under the filter's name (`config_discovery`, ECDS). */
export interface FilterDiscovery {
  /** `type_urls`: full message names its configuration may have; one of another type is refused. */
  readonly types: ReadonlySet<string>;
  /** `default_config`; without one, what needs the filter is refused for as long as no configuration has arrived. */
  readonly fallback: DefaultFilterConfig | null;
  /** Whether its listener waits for it: not with `apply_default_config_without_warming`. */
  readonly waits: boolean;
  /** `initial_fetch_timeout`, in milliseconds: how long its listener waits; 0 for as long as it takes. Envoy: 15 s. */
  readonly timeoutMs: number;
}
