import type { PeerIdentity } from "../transport/byte_stream.ts";
import { parseSpiffeId } from "./spiffe.ts";

/** The workload at the other end, read only from its verified TLS certificate. */
export interface MeshPeer {
  /** SPIFFE id, for example `spiffe://cluster.local/ns/default/sa/sleep`. */
  readonly principal: string;
  /** Kubernetes namespace of the principal; empty where its id is not of Istio's form. */
  readonly namespace: string;
  /** Kubernetes service account of the principal; empty where its id is not of Istio's form. */
  readonly serviceAccount: string;
  /** Lower-case hexadecimal SHA-256 of the peer's certificate. */
  readonly certificateSha256: string;
}

/** The verified identity of a connection's other end, as handlers see it. */
export function toMeshPeer(peer: PeerIdentity): MeshPeer {
  const id = parseSpiffeId(peer.principal);
  return {
    principal: peer.principal,
    namespace: id?.namespace ?? "",
    serviceAccount: id?.serviceAccount ?? "",
    certificateSha256: peer.sha256,
  };
}
