import { callBehind } from "./grpc/call_surface.ts";

/**
 * A signal that fires when the client gives a call up or its deadline passes, to be handed on to what the handler
 * waits for.
 *
 * @param call What the handler was called with, of whatever type the user's copy of grpc-js gives it.
 * @throws {TypeError} When it is no call of `mesh.serveGrpc`.
 */
export function grpcSignal(call: object): AbortSignal {
  const behind = callBehind(call);
  if (behind === null) {
    throw new TypeError(
      "Cannot give a signal: the object is no call of mesh.serveGrpc, pass what the handler received",
    );
  }
  return behind.signal;
}
