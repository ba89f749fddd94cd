import { loadGrpc } from "./grpc/control_channel.ts";
import { type GrpcServices, GrpcServiceServer } from "./grpc/service_server.ts";
import { systemClock } from "./internal/clock.ts";
import type { Logger } from "./internal/logger.ts";
import { TimerWheel } from "./internal/timer_wheel.ts";
import { toMeshPeer } from "./identity/mesh_peer.ts";
import type { MeshRuntime } from "./mesh_runtime.ts";
import { listenerServer } from "./mesh_server.ts";
import { PlainListener } from "./plain_listener.ts";
import type { MeshServeGrpcOptions } from "./serve_grpc_options.ts";
import type { MeshServer } from "./serve_handler.ts";

/** Adds the services of a server. */
export type RegisterServices = (server: GrpcServices) => void | Promise<void>;

/** Serves gRPC in the mesh; see `Mesh.serveGrpc`. */
export async function serveGrpcInMesh(
  runtime: MeshRuntime,
  options: MeshServeGrpcOptions,
  register: RegisterServices,
  logger: Logger,
): Promise<MeshServer> {
  const { port = 8000, hostname = "0.0.0.0", meshPort = null, signal } = options;
  signal?.throwIfAborted();
  const { services, timers } = await prepare(options, register, logger);
  const { handler } = services;
  const inbound = await runtime.listen({
    hostname,
    port,
    meshPort,
    application: (request, { exchange }) => handler(request, exchange),
    onDrain: () => services.shutdown(),
  });
  const server = listenerServer(inbound, options, logger, "for gRPC in the mesh");
  void server.finished.then(() => {
    runtime.forget(inbound);
    timers.close();
  });
  return server;
}

/** Serves gRPC without a mesh: the same services over plaintext HTTP/2, callers unknown. */
export async function serveGrpcPlainly(
  options: MeshServeGrpcOptions,
  register: RegisterServices,
  logger: Logger,
): Promise<MeshServer> {
  const { port = 8000, hostname = "0.0.0.0", signal } = options;
  signal?.throwIfAborted();
  const { services, timers } = await prepare(options, register, logger);
  const listener = await PlainListener.start({
    hostname,
    port,
    handler: services.handler,
    clock: systemClock,
    logger,
    onDrain: () => services.shutdown(),
  });
  const server = listenerServer(listener, options, logger, "for gRPC, without a mesh");
  void server.finished.then(() => timers.close());
  return server;
}

async function prepare(
  options: MeshServeGrpcOptions,
  register: RegisterServices,
  logger: Logger,
): Promise<{ services: GrpcServiceServer; timers: TimerWheel }> {
  const { maxReceiveMessageLength, maxSendMessageLength, compression = "identity", health = true } = options;
  const { Metadata } = await loadGrpc();
  // Deadlines of many calls on one timer of the runtime; it sets none before the first deadline.
  const timers = new TimerWheel(systemClock);
  const services = new GrpcServiceServer({
    clock: timers,
    logger,
    ...(maxReceiveMessageLength === undefined ? {} : { maxReceiveBytes: limitOf(maxReceiveMessageLength) }),
    ...(maxSendMessageLength === undefined ? {} : { maxSendBytes: limitOf(maxSendMessageLength) }),
    gzip: compression === "gzip",
    health,
    newMetadata: () => new Metadata(),
    peerOf: toMeshPeer,
  });
  await register(services);
  return { services, timers };
}

/** grpc-js's -1 is no limit. */
function limitOf(bytes: number): number {
  return bytes < 0 ? Infinity : bytes;
}
