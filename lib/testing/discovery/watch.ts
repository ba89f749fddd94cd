/** What a client watches of one type, as istiod's `WatchedResource`. */
export interface Watch {
  readonly typeUrl: string;
  /** Names subscribed to; for a wildcard type the names last sent. */
  names: Set<string>;
  /** Whether every resource of the type is wanted. */
  wildcard: boolean;
  nonceSent: string;
  nonceAcked: string;
  /** Nonce of the last response the client refused, `""` for none. */
  nonceNacked: string;
  /** Why it did, `""` after a later ACK. */
  lastError: string;
  /**
   * Answer the next request even when it changes nothing: set on EDS after a first CDS request of the SotW protocol, so
   * that clusters finish warming. (The delta protocol pushes EDS instead.)
   */
  alwaysRespond: boolean;
  /** What was sent last, by resource name. */
  readonly sent: Map<string, Uint8Array>;
}

/** What a request asks for. */
export type Reaction =
  /** Nothing is sent: an ACK, a NACK, a stale nonce, an unsubscription. */
  | { readonly kind: "none"; readonly nack?: boolean }
  /** Everything that is watched. */
  | { readonly kind: "all" }
  /** These resources only. */
  | { readonly kind: "names"; readonly names: readonly string[] };

/** A watch nothing was sent for yet. */
export function newWatch(typeUrl: string, names: Iterable<string>, wildcard: boolean): Watch {
  return {
    typeUrl,
    names: new Set(names),
    wildcard,
    nonceSent: "",
    nonceAcked: "",
    nonceNacked: "",
    lastError: "",
    alwaysRespond: false,
    sent: new Map(),
  };
}

const BY_NAME = new Set([
  "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
  "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
]);

/** Whether istiod answers, with nothing, a request that only unsubscribes (delta). */
export function answersUnsubscription(typeUrl: string): boolean {
  return typeUrl === "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
}

/** Whether resources of the type are subscribed to as a whole. */
export function isWildcardType(typeUrl: string): boolean {
  return !BY_NAME.has(typeUrl);
}
