/**
 * `envoy.config.core.v3.TypedExtensionConfig`: the configuration of every filter of that name that is to be discovered.
 */
export interface Extension {
  readonly name: string;
  /** Full name of the message of the configuration. */
  readonly typeUrl: string;
  /** What the injected parser of HTTP filters of that type made of it; `null` where there is none. */
  readonly http: object | null;
  /** What the injected parser of network filters of that type made of it; `null` where there is none. */
  readonly network: object | null;
}
