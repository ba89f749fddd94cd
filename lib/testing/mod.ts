/**
 * A control plane for tests: certificate authority, discovery service, tokens and faults, on a loopback port, and a
 * clock that moves when told.
 *
 * @example
 * ```ts
 * import { FakeIstiod } from "@enmesh/enmesh/testing";
 * import assert from "node:assert/strict";
 *
 * await using istiod = await FakeIstiod.start();
 * istiod.apply(`
 * apiVersion: security.istio.io/v1
 * kind: PeerAuthentication
 * metadata: { name: default, namespace: istio-system }
 * spec: { mtls: { mode: STRICT } }
 * `);
 * assert.match(istiod.rootCertificates, /BEGIN CERTIFICATE/);
 * ```
 *
 * @module
 */
export * from "./certificate_authority.ts";
export * from "./fake_clock.ts";
export * from "./fake_istiod.ts";
export * from "./faults.ts";
export * from "./tokens.ts";
export type { FakeSecret } from "./secret.ts";
export type { FakeWorkload, FakeWorkloadOptions } from "./workload.ts";
export type { ObjectRef } from "./object_store.ts";
export type { MeshSettings } from "./mesh_view.ts";
export type { AdsProtocol, Nack } from "./discovery/connection.ts";
export type { ClientType, IstiodClient, PushedResource } from "./discovery/discovery_service.ts";
export { GrpcStatus } from "../grpc/status.ts";
export { type HandleKind, HandleRegistry } from "../transport/handle_registry.ts";
export type * from "../bootstrap/join_options.ts";
export type { Clock, Timer } from "../internal/clock.ts";
export type { Logger, LogLevel } from "../internal/logger.ts";
export type { SocketAddress } from "../internal/socket_address.ts";
export type { Json } from "../protobuf/well_known.ts";
