/** Type URLs of the resources istiod serves, by the names Istio's documents use. */
export const TYPE_URLS = {
  CDS: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  EDS: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  LDS: "type.googleapis.com/envoy.config.listener.v3.Listener",
  RDS: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  ECDS: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
  SDS: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
  /** The name table of the in-process DNS; a single resource with an empty name. */
  NDS: "type.googleapis.com/istio.networking.nds.v1.NameTable",
  /** Additional trust roots; a single resource. */
  PCDS: "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig",
} as const;

const { CDS, EDS, LDS, RDS, NDS, PCDS, ECDS, SDS } = TYPE_URLS;

/** The order in which types are requested: Envoy's, with NDS and PCDS where pilot-agent puts them, after LDS. */
const SEQUENCE: readonly string[] = [CDS, EDS, LDS, NDS, PCDS, RDS, ECDS, SDS];

/** Types of one unnamed resource: subscribed to without a name, as pilot-agent does. */
const SINGLETONS: ReadonlySet<string> = new Set([NDS, PCDS]);

/** Types whose SotW responses are always the complete set, so that absence means removal. */
const COMPLETE_IN_SOTW: ReadonlySet<string> = new Set([CDS, LDS, NDS, PCDS]);

/** What has to happen to one type before another is requested on the first stream of a client. */
const AFTER: ReadonlyMap<string, { readonly type: string; readonly event: "requested" | "answered" }> = new Map([
  // Envoy initialises its listeners after its clusters; istiod answers in the order of the requests.
  [LDS, { type: CDS, event: "answered" }],
  [NDS, { type: LDS, event: "requested" }],
  [PCDS, { type: LDS, event: "requested" }],
]);

/** Types in the order in which they are requested; unknown ones last, in the order given. */
export function inRequestOrder(typeUrls: Iterable<string>): string[] {
  const rank = (typeUrl: string) => {
    const at = SEQUENCE.indexOf(typeUrl);
    return at === -1 ? SEQUENCE.length : at;
  };
  return [...new Set(typeUrls)].sort((a, b) => rank(a) - rank(b));
}

/** Whether the type has one unnamed resource. */
export function isSingleton(typeUrl: string): boolean {
  return SINGLETONS.has(typeUrl);
}

/** Whether a SotW response of the type is the complete set. */
export function isCompleteInSotw(typeUrl: string): boolean {
  return COMPLETE_IN_SOTW.has(typeUrl);
}

/** What the type waits for on the first stream; `null` when it waits for nothing. */
export function waitsFor(typeUrl: string): { readonly type: string; readonly event: "requested" | "answered" } | null {
  return AFTER.get(typeUrl) ?? null;
}
