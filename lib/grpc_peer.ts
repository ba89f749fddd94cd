import { callBehind } from "./grpc/call_surface.ts";
import { toMeshPeer } from "./identity/mesh_peer.ts";
import type { MeshPeer } from "./serve_handler.ts";

/**
 * Who calls: the workload at the other end of a call to `mesh.serveGrpc`, read from its verified certificate only.
 *
 * @param call What the handler was called with, of whatever type the user's copy of grpc-js gives it.
 * @returns `null` in plaintext, and for an object that is no call of `mesh.serveGrpc`.
 */
export function grpcPeer(call: object): MeshPeer | null {
  const identity = callBehind(call)?.exchange.connection?.tls?.peer ?? null;
  return identity === null ? null : toMeshPeer(identity);
}
