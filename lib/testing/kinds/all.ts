import { type DestinationRule, destinationRuleKind } from "./destination_rule.ts";
import { type EndpointSlice, endpointSliceKind } from "./endpoint_slice.ts";
import { IGNORED_KINDS } from "./ignored.ts";
import type { Kind } from "./kind.ts";
import { type KubernetesNode, nodeKind } from "./node.ts";
import { type PeerAuthentication, peerAuthenticationKind } from "./peer_authentication.ts";
import { type Pod, podKind } from "./pod.ts";
import { type Secret, secretKind } from "./secret.ts";
import { type Service, serviceKind } from "./service.ts";
import { type TrafficExtension, trafficExtensionKind } from "./traffic_extension.ts";
import { type VirtualService, virtualServiceKind } from "./virtual_service.ts";
import { wasmPluginKind } from "./wasm_plugin.ts";
import { type WorkloadEntry, workloadEntryKind } from "./workload_entry.ts";

/** The object each kind with an effect is read into. */
export interface KindMap {
  DestinationRule: DestinationRule;
  EndpointSlice: EndpointSlice;
  Node: KubernetesNode;
  PeerAuthentication: PeerAuthentication;
  Pod: Pod;
  Secret: Secret;
  Service: Service;
  TrafficExtension: TrafficExtension;
  VirtualService: VirtualService;
  WasmPlugin: TrafficExtension;
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
    secretKind,
    serviceKind,
    trafficExtensionKind,
    virtualServiceKind,
    wasmPluginKind,
    workloadEntryKind,
    ...IGNORED_KINDS,
  ].map((kind): [string, Kind<string, unknown>] => [kind.kind, kind]),
);
