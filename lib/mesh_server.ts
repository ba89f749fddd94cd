import type { Logger } from "./internal/logger.ts";
import type { MeshRuntime } from "./mesh_runtime.ts";
import { webApplication } from "./serve.ts";
import type { MeshServeHandler, MeshServeOptions, MeshServer } from "./serve_handler.ts";
import { servePlain } from "./transport/plain_server.ts";

/** Serves in the mesh; see `Mesh.serve`. */
export async function serveInMesh(
  runtime: MeshRuntime,
  options: MeshServeOptions,
  handler: MeshServeHandler,
  logger: Logger,
): Promise<MeshServer> {
  const { port = 8000, hostname = "0.0.0.0", meshPort = null, signal, onError } = options;
  signal?.throwIfAborted();
  const inbound = await runtime.listen({
    hostname,
    port,
    meshPort,
    application: webApplication(handler, { logger, onError }),
  });
  const server = listenerServer(inbound, options, logger, "in the mesh");
  void server.finished.then(() => runtime.forget(inbound));
  return server;
}

/** What {@linkcode listenerServer} needs of a listening port. */
export interface Listening {
  readonly addr: { hostname: string; port: number };
  readonly finished: Promise<void>;
  drain(): Promise<void>;
  close(): Promise<void>;
  ref(): void;
  unref(): void;
}

/** A listening port as users see it; `signal` and `onListen` hold from now on. */
export function listenerServer(
  inbound: Listening,
  { signal, onListen }: Pick<MeshServeOptions, "signal" | "onListen">,
  logger: Logger,
  where: string,
): MeshServer {
  const addr: Deno.NetAddr = { transport: "tcp", ...inbound.addr };
  const abort = () => void inbound.close();
  signal?.addEventListener("abort", abort);
  const finished = inbound.finished.then(() => signal?.removeEventListener("abort", abort));
  if (onListen === undefined) logger.log("info", `Listening on '${addr.hostname}:${addr.port}' ${where}`);
  else onListen(addr);
  return {
    addr,
    finished,
    shutdown: () => inbound.drain(),
    ref: () => inbound.ref(),
    unref: () => inbound.unref(),
    [Symbol.asyncDispose]: () => inbound.drain(),
  };
}

/** Serves without a mesh: the same contract over `Deno.serve`, in plaintext, callers unknown. */
export function servePlainly(options: MeshServeOptions, handler: MeshServeHandler): MeshServer {
  const server = servePlain(
    options,
    (request, { remoteAddr, completed }, localAddr) =>
      handler(request, { remoteAddr, localAddr, completed, peer: null }),
  );
  return {
    addr: server.addr,
    finished: server.finished,
    shutdown: () => server.shutdown(),
    ref: () => server.ref(),
    unref: () => server.unref(),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
