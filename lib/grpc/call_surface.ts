/**
 * What the call objects of all kinds of handlers answer alike, as those of grpc-js do.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Metadata } from "@grpc/grpc-js";
import { formatAddress } from "../internal/socket_address.ts";
import type { PeerIdentity } from "../transport/byte_stream.ts";
import { headersOfMetadata } from "./metadata_headers.ts";
import type { GrpcServerCall } from "./server_call.ts";

/** Key under which a call object has the call it shows. */
export const GRPC_CALL: unique symbol = Symbol("enmesh.grpc.call");

/** What every call object needs beside its call. */
export interface SurfaceContext {
  /** Makes empty metadata, of our copy of grpc-js. */
  readonly newMetadata: () => Metadata;
  /** Turns the verified identity of a client into what users see. */
  readonly peerOf: (identity: PeerIdentity) => object;
}

/** The call behind a call object that one of our servers made; `null` for any other object. */
export function callBehind(surface: object): GrpcServerCall | null {
  return (surface as { [GRPC_CALL]?: GrpcServerCall })[GRPC_CALL] ?? null;
}

/** Address of the client, `unknown` where there is none. */
export function peerAddress(call: GrpcServerCall): string {
  const remote = call.exchange.connection?.remote;
  return remote === undefined ? "unknown" : formatAddress(remote);
}

/** The client of a call as users see it; `null` in plaintext. */
export function peerOf(call: GrpcServerCall, context: SurfaceContext): object | null {
  const identity = call.exchange.connection?.tls?.peer ?? null;
  return identity === null ? null : context.peerOf(identity);
}

/** Sends the response head with metadata; does nothing once it is sent. */
export function sendMetadata(call: GrpcServerCall, metadata: unknown): void {
  call.responseMetadata.pairs.push(...headersOfMetadata(metadata));
  call.sendHeaders();
}

/** Facts about the client's certificate in grpc-js's form; empty in plaintext. */
export function authContext(call: GrpcServerCall): object {
  const peer = call.exchange.connection?.tls?.peer ?? null;
  if (peer === null) return {};
  const names = [...peer.uriSans.map((uri) => `URI:${uri}`), ...peer.dnsSans.map((name) => `DNS:${name}`)];
  return {
    transportSecurityType: "ssl",
    sslPeerCertificate: {
      raw: Buffer.from(peer.certificate),
      subject: {},
      subjectaltname: names.join(", "),
      fingerprint256: peer.sha256.toUpperCase().replace(/..(?!$)/g, "$&:"),
    },
  };
}

/** Takes what a handler records and does nothing with it, as grpc-js does unless it is told to send it. */
export const METRICS_RECORDER: object = Object.freeze({
  recordRequestCostMetric() {},
  recordUtilizationMetric() {},
  recordNamedMetric() {},
  recordCPUUtilizationMetric() {},
  recordMemoryUtilizationMetric() {},
  recordApplicationUtilizationMetric() {},
  recordQpsMetric() {},
  recordEpsMetric() {},
});
