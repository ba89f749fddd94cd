import { type DestinationRule, destinationRuleKind } from "./destination_rule.ts";
import { type EndpointSlice, endpointSliceKind } from "./endpoint_slice.ts";
import { IGNORED_KINDS } from "./ignored.ts";
import type { Kind } from "./kind.ts";
import { type KubernetesNode, nodeKind } from "./node.ts";
import { type PeerAuthentication, peerAuthenticationKind } from "./peer_authentication.ts";
import { type Pod, podKind } from "./pod.ts";
import { type Service, serviceKind } from "./service.ts";
import { type VirtualService, virtualServiceKind } from "./virtual_service.ts";
import { type WorkloadEntry, workloadEntryKind } from "./workload_entry.ts";

/** The object each kind with an effect is read into. */
export interface KindMap {
  DestinationRule: DestinationRule;
  EndpointSlice: EndpointSlice;
  Node: KubernetesNode;
  PeerAuthentication: PeerAuthentication;
  Pod: Pod;
  Service: Service;
  VirtualService: VirtualService;
  WorkloadEntry: WorkloadEntry;
}

/** Every kind that can be applied, by name. */
export const KINDS: ReadonlyMap<string, Kind<string, unknown>> = new Map(
  [
    destinationRuleKind,
    endpointSliceKind,
    nodeKind,
    peerAuthenticationKind,
    podKind,
    serviceKind,
    virtualServiceKind,
    workloadEntryKind,
    ...IGNORED_KINDS,
  ].map((kind): [string, Kind<string, unknown>] => [kind.kind, kind]),
);
