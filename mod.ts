/**
 * Joins an Istio service mesh from the inside: a Deno program becomes an ordinary workload, without a sidecar.
 *
 * @example A program in the mesh
 * ```ts
 * import { Mesh } from "@enmesh/enmesh";
 * import { FakeIstiod } from "@enmesh/enmesh/testing";
 * import assert from "node:assert/strict";
 *
 * // In a pod `await Mesh.join()` is all: istiod, token and root certificate are found where Istio puts them.
 * await using istiod = await FakeIstiod.start();
 * await using mesh = await Mesh.join(await istiod.workload({ name: "productpage" }));
 * assert.equal(mesh.identity.spiffeId, "spiffe://cluster.local/ns/default/sa/productpage");
 * ```
 *
 * @module
 */
export { type CloseOptions, Mesh } from "./lib/mesh.ts";
export { type ErrorMeaning, MeshError, type MeshErrorCode, type MeshErrorOptions, type Problem } from "./lib/errors.ts";
export type {
  AdminOptions,
  JoinOptions,
  RootCertificatesOption,
  TokenOption,
  WasmOptions,
  WorkloadOptions,
} from "./lib/bootstrap/join_options.ts";
export type {
  MeshPeer,
  MeshServeHandler,
  MeshServeInfo,
  MeshServeObject,
  MeshServeOptions,
  MeshServer,
} from "./lib/serve_handler.ts";
export type { GrpcChannelOptions } from "./lib/grpc/channel_options.ts";
export type { MeshGrpcChannel } from "./lib/grpc/mesh_grpc_channel.ts";
export type { Fetch } from "./lib/fetch.ts";
export type { FilterCall } from "./lib/filter/filter_call.ts";
export type { FilterHandle } from "./lib/filter/filter_handle.ts";
export type { FilterHeaders } from "./lib/filter/filter_headers.ts";
export type { FilterMessage } from "./lib/filter/filter_message.ts";
export type { FilterRequest } from "./lib/filter/filter_request.ts";
export type { FilterResponse } from "./lib/filter/filter_response.ts";
export type { MeshFilter } from "./lib/filter/mesh_filter.ts";
export { ReadyFilter } from "./lib/filter/ready_filter.ts";
export type { Json } from "./lib/protobuf/well_known.ts";
export type { MeshUpgradeOptions, MeshWebSocketUpgrade } from "./lib/upgrade_web_socket.ts";
export type { MeshWebSocketInit } from "./lib/web_socket.ts";
export { grpcPeer } from "./lib/grpc_peer.ts";
export { grpcSignal } from "./lib/grpc_signal.ts";
export type { GrpcServingStatus } from "./lib/grpc/health_service.ts";
export type {
  GrpcHandler,
  GrpcHandlerCall,
  GrpcHandlerCallback,
  GrpcMetadata,
  GrpcMethodDefinition,
  GrpcServiceDefinition,
  GrpcServiceImplementation,
} from "./lib/grpc/service_definition.ts";
export type { GrpcServices } from "./lib/grpc/service_server.ts";
export type { MeshServeGrpcOptions } from "./lib/serve_grpc_options.ts";
export type { IdentityView } from "./lib/identity/secret_manager.ts";
export type { Logger, LogLevel } from "./lib/internal/logger.ts";
export type {
  GuestFunction,
  HostFunction,
  ImportTable,
  WasmImport,
  WasmInstance,
  WasmMemory,
  WasmModule,
  WasmRuntime,
} from "./lib/internal/wasm_runtime.ts";
export type { MeshSnapshot } from "./lib/mesh_snapshot.ts";
