import { decode, encode, type MessageName } from "../protobuf/registry.ts";
import type { MessageMap } from "../protobuf/gen/messages.ts";
import { DeltaMachine } from "./delta.ts";
import { readDeltaResponse } from "./delta_response.ts";
import type { DiscoveryMachine } from "./discovery_machine.ts";
import type { SubscriptionSource } from "./resource_sink.ts";
import { SotwMachine } from "./sotw.ts";

/** A discovery protocol over serialized messages. */
export interface WireSession extends DiscoveryMachine<Uint8Array, Uint8Array> {
  /** Path of the gRPC method. */
  readonly path: string;
}

/** Which of the two protocols of aggregated discovery is spoken. */
export type XdsProtocol = "delta" | "sotw";

const SERVICE = "/envoy.service.discovery.v3.AggregatedDiscoveryService";

/**
 * A session of the protocol. `received` throws an error when the bytes are no response.
 *
 * @param protocol Which protocol.
 * @param source What to subscribe to.
 */
export function createSession(protocol: XdsProtocol, source: SubscriptionSource): WireSession {
  return protocol === "delta"
    ? wire(
      `${SERVICE}/DeltaAggregatedResources`,
      new DeltaMachine(source),
      "envoy.service.discovery.v3.DeltaDiscoveryRequest",
      readDeltaResponse,
    )
    : wire(
      `${SERVICE}/StreamAggregatedResources`,
      new SotwMachine(source),
      "envoy.service.discovery.v3.DiscoveryRequest",
      (bytes) => decode("envoy.service.discovery.v3.DiscoveryResponse", bytes),
    );
}

function wire<Q extends MessageName, S>(
  path: string,
  machine: DiscoveryMachine<MessageMap[Q], S>,
  requestName: Q,
  read: (bytes: Uint8Array) => S,
): WireSession {
  const serialize = (requests: MessageMap[Q][]) => requests.map((request) => encode(requestName, request));
  return {
    path,
    opened: (node) => serialize(machine.opened(node)),
    received: (bytes) => machine.received(read(bytes)),
    applied: (ticket, errors) => serialize(machine.applied(ticket, errors)),
    changed: () => serialize(machine.changed()),
    closed: () => machine.closed(),
  };
}
