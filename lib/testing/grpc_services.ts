import type { GrpcServer } from "../grpc/server.ts";
import type { GrpcServerCall } from "../grpc/server_call.ts";
import { GrpcStatusError } from "../grpc/grpc_status_error.ts";
import { GrpcStatus } from "../grpc/status.ts";
import type { Clock } from "../internal/clock.ts";
import { authenticate } from "./authenticator.ts";
import { CREATE_CERTIFICATE_PATH, createCertificate } from "./ca_service.ts";
import type { CertificateAuthority } from "./certificate_authority.ts";
import type { AdsProtocol } from "./discovery/connection.ts";
import type { DiscoveryService } from "./discovery/discovery_service.ts";
import type { Faults } from "./faults.ts";
import type { ServiceAccountIdentity, TokenIssuer } from "./tokens.ts";

/** What the services work with. */
export interface GrpcServicesOptions {
  readonly authority: CertificateAuthority;
  readonly tokens: TokenIssuer;
  readonly discovery: DiscoveryService;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly trustDomain: string;
}

const DISCOVERY_PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/";

/**
 * Registers the certificate service and the discovery service, delta and state of the world.
 *
 * @returns What waits until no certificate is being made: a caller that has gone does not stop that.
 */
export function registerServices(grpc: GrpcServer, options: GrpcServicesOptions): () => Promise<void> {
  const underWay = new Set<Promise<Uint8Array>>();
  const identify = (call: GrpcServerCall): Promise<ServiceAccountIdentity> =>
    authenticate(options.tokens, options.trustDomain, call.metadata, call.exchange.connection);
  const certify = async (request: Uint8Array, call: GrpcServerCall): Promise<Uint8Array> => {
    const identity = await identify(call);
    const response = await createCertificate(request, identity, options);
    await delay(options, call);
    return response;
  };
  grpc.unary(CREATE_CERTIFICATE_PATH, async (request, call) => {
    const certificate = certify(request, call);
    underWay.add(certificate);
    try {
      return await certificate;
    } finally {
      underWay.delete(certificate);
    }
  });
  const discover = (protocol: AdsProtocol) => async (requests: AsyncIterable<Uint8Array>, call: GrpcServerCall) =>
    await serveStream(protocol, await identify(call), requests, call, options);
  grpc.bidi(`${DISCOVERY_PATH}DeltaAggregatedResources`, discover("delta"));
  grpc.bidi(`${DISCOVERY_PATH}StreamAggregatedResources`, discover("sotw"));
  return async () => void await Promise.allSettled(underWay);
}

async function serveStream(
  protocol: AdsProtocol,
  identity: ServiceAccountIdentity,
  requests: AsyncIterable<Uint8Array>,
  call: GrpcServerCall,
  { discovery, faults }: GrpcServicesOptions,
): Promise<void> {
  const fault = faults.discoveryStreams;
  if (fault !== null) throw new GrpcStatusError(GrpcStatus[fault.status], fault.message);
  const failed = Promise.withResolvers<never>();
  const stream = discovery.open(protocol, identity, {
    // A message that no longer reaches its client is no fault: the end of the stream follows.
    send: (message) => void call.send(message).catch(() => {}),
    fail: (error) => failed.reject(error),
  });
  try {
    const received = (async () => {
      for await (const request of requests) stream.receive(request);
    })();
    // Once the stream has failed, what the client still sends is of no interest.
    received.catch(() => {});
    await Promise.race([received, failed.promise]);
  } finally {
    failed.promise.catch(() => {});
    stream.close();
  }
}

/** Waits as long as {@linkcode Faults.delayMs} says, or until the caller gives up. */
function delay({ clock, faults }: GrpcServicesOptions, call: GrpcServerCall): Promise<void> {
  if (faults.delayMs <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = clock.timer(faults.delayMs, resolve);
    call.onCancel(() => {
      timer.cancel();
      resolve();
    });
  });
}
