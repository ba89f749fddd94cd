import type { DestinationService } from "./destination_service.ts";
import type { PeerMetadata } from "./peer_metadata.ts";

/** Which side of a request reports it. */
export type Reporter = "source" | "destination";

/** The two ends of a request or connection, as labels need them. */
export interface Ends {
  /** Metadata of the other side, `null` where it is not known. */
  readonly peer: PeerMetadata | null;
  /** Where the request goes. */
  readonly service: DestinationService;
  /** SPIFFE id of the other side, from its verified certificate; `null` for none. */
  readonly peerPrincipal: string | null;
  /** Our own SPIFFE id on that connection; `null` for none. */
  readonly localPrincipal: string | null;
}

/** Nothing is known of a peer. */
const NOBODY: PeerMetadata = {
  id: "",
  workloadName: "",
  namespace: "",
  clusterId: "",
  canonicalService: "",
  canonicalRevision: "",
  app: "",
  version: "",
};

/** Values of the labels from `reporter` to `destination_cluster`, by name. */
export function endLabels(reporter: Reporter, local: PeerMetadata, ends: Ends): Record<string, string> {
  const peer = ends.peer ?? NOBODY;
  // The namespace in a verified certificate is worth more than what the peer says of itself.
  const peerNamespace = namespaceOf(ends.peerPrincipal) ?? peer.namespace;
  const other = { ...peer, namespace: peerNamespace };
  const { service } = ends;
  if (reporter === "source") {
    return {
      reporter,
      ...workload("source", local, ends.localPrincipal),
      ...workload("destination", other, ends.peerPrincipal),
      destination_service: orUnknown(service.host),
      destination_service_name: orUnknown(service.name),
      destination_service_namespace: orUnknown(service.namespace || peerNamespace),
    };
  }
  return {
    reporter,
    ...workload("source", other, ends.peerPrincipal),
    ...workload("destination", local, ends.localPrincipal),
    destination_service: orUnknown(service.host || local.canonicalService),
    destination_service_name: orUnknown(service.name || local.canonicalService),
    destination_service_namespace: orUnknown(local.namespace),
  };
}

function workload(side: "source" | "destination", of: PeerMetadata, principal: string | null): Record<string, string> {
  return {
    [`${side}_workload`]: orUnknown(of.workloadName),
    [`${side}_canonical_service`]: orUnknown(of.canonicalService),
    [`${side}_canonical_revision`]: of.canonicalRevision || "latest",
    [`${side}_workload_namespace`]: orUnknown(of.namespace),
    [`${side}_principal`]: orUnknown(principal ?? ""),
    [`${side}_app`]: orUnknown(of.app),
    [`${side}_version`]: orUnknown(of.version),
    [`${side}_cluster`]: orUnknown(of.clusterId),
  };
}

/** The namespace in a SPIFFE id of the form `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`. */
function namespaceOf(principal: string | null): string | null {
  const path = principal?.startsWith("spiffe://") === true ? principal.split("/") : [];
  return path[3] === "ns" && path[4] !== undefined && path[4] !== "" ? path[4] : null;
}

function orUnknown(value: string): string {
  return value === "" ? "unknown" : value;
}
