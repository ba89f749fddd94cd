import { parseSpiffeId } from "./identity/spiffe.ts";
import type { MeshPeer } from "./serve_handler.ts";
import type { PeerIdentity } from "./transport/byte_stream.ts";

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
