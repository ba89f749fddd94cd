/** A difference between FakeIstiod and a recorded istiod that is known and harmless, with the reason. */
export interface AcceptedDifference {
  /** Matches `SCENARIO/NODE TYPE RESOURCE PATH: RECORDED -> GENERATED`. */
  readonly pattern: RegExp;
  readonly reason: string;
}

/** Documents left out of a scenario: kinds and fields that FakeIstiod does not take. */
export const LEFT_OUT: Readonly<Record<string, RegExp>> = {
  basic: /$^/,
  // The ServiceEntry of an outside host, and the rule for it.
  "tls-modes": /partner\.example\.test/,
  canary: /$^/,
  resilience: /$^/,
  locality: /$^/,
  hashing: /$^/,
  // ServiceEntries.
  tcp: /^kind: ServiceEntry/m,
  grpc: /$^/,
  // ServiceEntries only.
  wasm: /$^/,
  "external-registry-only": /^apiVersion: networking/m,
};

/** What may differ. */
export const ACCEPTED_DIFFERENCES: readonly AcceptedDifference[] = [
  {
    pattern: /^tls-modes\/\w+ \w+ (.*partner\.example\.test|\S*8443)/,
    reason: "the fake knows no ServiceEntry: the outside host and its port are missing",
  },
  {
    pattern:
      /^external-registry-only\/\w+ (\w+ .*example\.test|LDS (0\.0\.0\.0_(443|8443|8088)|240\.1\.2\.3_5000)|RDS 8088)/,
    reason: "the fake knows no ServiceEntry: the outside hosts are missing",
  },
  {
    pattern: /^tcp\/\w+ (\w+ .*(tls|net)\.example\.test|LDS 0\.0\.0\.0_(9443|7000))/,
    reason: "the fake knows no ServiceEntry: the outside hosts and their ports are missing",
  },
  {
    pattern: /^tcp\/\w+ LDS 10\.96\.3\.2_27017 /,
    reason: "the fake leaves mongo_proxy out, which only counts",
  },
  {
    pattern:
      /^wasm\/\w+ ECDS \S+ message\.typedConfig\.message\.config\.vmConfig\.environmentVariables\.keyValues\.ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: /,
    reason: "the recorded cluster counted versions of objects by time, the fake counts them by number",
  },
];
