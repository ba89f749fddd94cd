import { type Kind, specOf } from "./kind.ts";
import type { Fields } from "../fields.ts";

/** How istiod treats the traffic of a port: named by `appProtocol` or the prefix of the port's name, else detected. */
export type PortProtocol = "http" | "http2" | "grpc" | "grpc-web" | "tcp" | "tls" | "auto";

/** Whether a port is known to carry HTTP. */
export function isHttp(protocol: PortProtocol): boolean {
  return protocol === "http" || isHttp2(protocol);
}

/** Whether a port is known to carry HTTP/2. */
export function isHttp2(protocol: PortProtocol): boolean {
  return protocol === "http2" || protocol === "grpc" || protocol === "grpc-web";
}

/** Whether a port is known to carry HTTP, or is looked at. */
export function mayBeHttp(protocol: PortProtocol): boolean {
  return isHttp(protocol) || protocol === "auto";
}

/** A port of a Service. */
export interface ServicePort {
  readonly name: string;
  /** The port callers use. */
  readonly port: number;
  /** The port of the workload: a number, or the name of a container port. */
  readonly targetPort: number | string;
  readonly protocol: PortProtocol;
}

/** Which endpoints callers prefer: those of their zone, or of their node. */
export type TrafficDistribution = "PreferSameZone" | "PreferSameNode";

/** A Kubernetes Service. */
export interface Service {
  /** Its address; `null` for a headless one, `undefined` where the cluster is to choose. */
  readonly clusterIp: string | null | undefined;
  /** Empty when it has none: its endpoints then come from EndpointSlices only. */
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePort[];
  /** Whether callers only reach endpoints of their own Node. */
  readonly nodeLocal: boolean;
  /** `undefined` for no preference. */
  readonly trafficDistribution: TrafficDistribution | undefined;
}

/** `v1 Service`: `clusterIP`, `selector`, `ports` (TCP), `internalTrafficPolicy`, `trafficDistribution`. */
export const serviceKind: Kind<"Service", Service> = {
  kind: "Service",
  groups: [""],
  pushes: ["clusters", "endpoints", "listeners", "routes", "names"],
  parse(_meta, document) {
    const spec = specOf(document);
    if (spec.string("type") === "ExternalName") {
      throw spec.error("type", "'ExternalName' is not supported by FakeIstiod");
    }
    const clusterIp = spec.string("clusterIP");
    return {
      clusterIp: clusterIp === "None" ? null : clusterIp,
      selector: spec.stringMap("selector"),
      ports: spec.list("ports").filter((port) => (port.string("protocol") ?? "TCP") === "TCP").map(parsePort),
      nodeLocal: spec.oneOf("internalTrafficPolicy", ["Cluster", "Local"]) === "Local",
      trafficDistribution: parseDistribution(spec),
    };
  },
};

function parseDistribution(spec: Fields): TrafficDistribution | undefined {
  const distribution = spec.oneOf("trafficDistribution", ["PreferClose", "PreferSameZone", "PreferSameNode"]);
  return distribution === "PreferClose" ? "PreferSameZone" : distribution;
}

function parsePort(fields: Fields): ServicePort {
  const port = fields.port("port");
  if (port === undefined) throw fields.error("port", "is required");
  const name = fields.string("name") ?? "";
  const target = fields.string("targetPort");
  const targetPort = target === undefined ? port : /^\d+$/.test(target) ? Number(target) : target;
  return { name, port, targetPort, protocol: protocolOf(fields.string("appProtocol") ?? name) };
}

/** Istio's protocol selection: the part of the name before the first dash, or before the second of `grpc-web`. */
function protocolOf(name: string): PortProtocol {
  if (/^grpc-web(-|$)/i.test(name)) return "grpc-web";
  switch (name.toLowerCase().split("-")[0]) {
    case "http":
      return "http";
    case "grpc":
      return "grpc";
    case "http2":
    case "kubernetes.io/h2c":
      return "http2";
    case "tls":
    case "https":
      return "tls";
    case "tcp":
    case "mysql":
    case "redis":
    case "mongo":
      return "tcp";
    default:
      return "auto";
  }
}
