import { packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigClusterV3Cluster as Cluster,
  EnvoyConfigCoreV3TransportSocket as TransportSocket,
} from "../../protobuf/gen/messages.ts";
import { jsonToStruct } from "../../protobuf/well_known.ts";
import type { ServicePort } from "../kinds/service.ts";
import type { TrafficPolicy } from "../kinds/traffic_policy.ts";
import type { MeshService } from "../mesh_view.ts";
import { speaksHttp2 } from "./cluster_protocol.ts";
import type { GenerateContext } from "./context.ts";
import { originatedTls, outboundMeshTls, rawBuffer } from "./tls.ts";

/** One outbound cluster: a port of a service, or of a subset of it. */
export interface ClusterTarget {
  readonly service: MeshService;
  readonly port: ServicePort;
  readonly subset: { readonly name: string } | undefined;
  readonly policy: TrafficPolicy;
  /** Whether connections go where the application sends them. */
  readonly passesThrough: boolean;
  /** Whether automatic mutual TLS asks whether every endpoint takes it. */
  readonly asksEndpoints: boolean;
  /** Whether the rule is for some workloads only: it may then name secrets. */
  readonly selected: boolean;
}

/** How connections to the endpoints are protected. */
export function transport(context: GenerateContext, target: ClusterTarget): Cluster {
  const sockets = tlsSockets(context, target);
  const { proxyProtocol } = target.policy;
  if (proxyProtocol === undefined) return sockets;
  const { transportSocket, transportSocketMatches } = sockets;
  if (transportSocketMatches === undefined) {
    return {
      transportSocket: withProxyProtocol(transportSocket ?? { ...rawBuffer(), name: "raw_buffer" }, proxyProtocol),
    };
  }
  return {
    transportSocketMatches: transportSocketMatches.map((match) => ({
      ...match,
      transportSocket: withProxyProtocol(match.transportSocket!, proxyProtocol),
    })),
  };
}

function tlsSockets(context: GenerateContext, target: ClusterTarget): Cluster {
  const { service, port, subset, policy } = target;
  const tls = policy.tls;
  const sni = `outbound_.${port.port}_.${subset?.name ?? ""}_.${service.hostname}`;
  const http2 = speaksHttp2(port.protocol, policy.connectionPool);
  const alpn = http2 ? ["istio-peer-exchange", "istio", "h2"] : ["istio-peer-exchange", "istio"];
  switch (tls?.mode) {
    case "DISABLE":
      return {};
    case "ISTIO_MUTUAL": {
      const sans = tls.subjectAltNames.length > 0 ? tls.subjectAltNames : context.view.identities(service);
      return { transportSocket: outboundMeshTls(sans, tls.sni ?? sni, alpn) };
    }
    case "SIMPLE":
    case "MUTUAL":
      if (withholdsTls(target)) return {};
      return { transportSocket: originatedTls(tls, http2 ? ["h2"] : []) };
  }
  // Automatic mutual TLS: off where the namespace's policy turns it off, else by endpoint.
  if (context.view.namespaceMtlsMode(service.namespace) === "DISABLE") return {};
  const socket = outboundMeshTls(context.view.identities(service), sni, alpn);
  if (target.asksEndpoints) {
    // Nobody knows which endpoint it will be: all of them must take it.
    const endpoints = context.view.endpoints(service, port);
    if (endpoints.length === 0 || !endpoints.every(({ mutualTls }) => mutualTls)) return {};
  }
  if (target.passesThrough) return { transportSocket: socket };
  return {
    transportSocketMatches: [
      { name: "tlsMode-istio", match: jsonToStruct({ tlsMode: "istio" }), transportSocket: socket },
      { name: "tlsMode-disabled", match: {}, transportSocket: rawBuffer() },
    ],
  };
}

/**
 * Whether istiod leaves TLS out: a rule for every workload must not make all of them wait for a secret. Configuration
 * maps are for everybody.
 */
export function withholdsTls({ policy: { tls }, selected }: Pick<ClusterTarget, "policy" | "selected">): boolean {
  return tls?.credentialName !== undefined && !tls.credentialName.startsWith("configmap://") && !selected;
}

/** Writes the header of the PROXY protocol before what the socket sends. */
function withProxyProtocol(transportSocket: TransportSocket, version: "V1" | "V2"): TransportSocket {
  return {
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    typedConfig: packAny("envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport", {
      config: version === "V1" ? {} : { version },
      transportSocket,
    }),
  };
}
