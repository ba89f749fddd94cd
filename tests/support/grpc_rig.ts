/**
 * gRPC servers of raw messages as workloads of a {@linkcode MeshRig}, and clients of grpc-js on channels of a mesh.
 */
import * as grpc from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { loadBootstrap } from "../../lib/bootstrap/bootstrap.ts";
import { GrpcServer, type GrpcServerOptions } from "../../lib/grpc/server.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { MeshRuntime } from "../../lib/mesh_runtime.ts";
import type { MeshRig } from "./mesh_rig.ts";

/** Serializers of clients that send what they are given. */
export const raw = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };

let targetPorts = 26_000;

/** A server without methods. */
export function rawServer(options: Partial<GrpcServerOptions> = {}): GrpcServer {
  return new GrpcServer({ clock: systemClock, logger: silentLogger, ...options });
}

/** Joins a workload of that name, serves `server` there over the mesh's TLS, behind a Service at port 50051. */
export async function serveRaw(rig: MeshRig, name: string, server: GrpcServer): Promise<MeshRuntime> {
  const targetPort = targetPorts++;
  const bootstrap = await loadBootstrap(rig.options(name));
  const runtime = new MeshRuntime({ bootstrap, logger: rig.log(name), clock: systemClock, random: Math.random });
  await runtime.join(null);
  rig.defer(() => runtime.close({ drain: 0 }));
  rig.service({ name, ports: [], port: 50051, portName: "grpc", targetPort });
  await rig.istiod.settled();
  const inbound = await runtime.listen({
    hostname: "127.0.0.1",
    port: 0,
    meshPort: targetPort,
    application: (request, call) => server.handler(request, call.exchange),
  });
  rig.endpoints(name, [inbound.addr.port], { portName: "grpc" });
  await rig.istiod.settled();
  return runtime;
}

/** Everything a unary call gave back. */
export interface UnaryOutcome {
  readonly reply: Buffer | undefined;
  readonly error: grpc.ServiceError | null;
  readonly head: grpc.Metadata | null;
  readonly status: grpc.StatusObject;
  readonly peer: string;
}

/** Makes a unary call and waits for all of it. */
export function unary(
  client: grpc.Client,
  path: string,
  message: Uint8Array | string,
  { metadata = new grpc.Metadata(), ...options }: grpc.CallOptions & { metadata?: grpc.Metadata } = {},
): Promise<UnaryOutcome> {
  return new Promise((resolve) => {
    let head: grpc.Metadata | null = null;
    let result: Pick<UnaryOutcome, "reply" | "error"> = { reply: undefined, error: null };
    const call = client.makeUnaryRequest(
      path,
      raw.serialize,
      raw.deserialize,
      Buffer.from(message as Uint8Array),
      metadata,
      options,
      (error, reply) => result = { reply, error },
    );
    call.on("metadata", (metadata) => head = metadata);
    call.on("status", (status) => resolve({ ...result, head, status, peer: call.getPeer() }));
  });
}
