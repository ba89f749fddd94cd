import { parseIp } from "../resource/ip_address.ts";
import type { Gathered } from "./gather.ts";
import type { JoinOptions } from "./join_options.ts";
import { fromOption, type Settings } from "./settings.ts";
import { type ControlPlaneAddress, readAddress, readDnsName } from "./values.ts";

/** A service of the control plane: where it is and how it proves who it is. */
export interface ControlPlaneService extends ControlPlaneAddress {
  /** DNS name expected in its certificate. */
  readonly serverName: string;
  /** Additional request metadata, lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

const DEFAULT_ADDRESS: ControlPlaneAddress = {
  hostname: "istiod.istio-system.svc",
  port: 15012,
  plaintext: false,
};
const TLS_PORT = 15012;
const PLAINTEXT_PORT = 15010;

/** Where configuration and certificates come from. */
export function resolveControlPlane(
  options: JoinOptions,
  gathered: Gathered,
  settings: Settings,
  clusterId: string,
): { discovery: ControlPlaneService; ca: ControlPlaneService } {
  const { env, proxyConfig } = gathered;
  const caCandidates = [
    fromOption("caAddress", options.caAddress),
    { value: env.get("CA_ADDR"), origin: "variable 'CA_ADDR'" },
  ];
  const caAddress = settings.choose("CA address", caCandidates, readAddress);
  const discovery = settings.choose("discovery address", [
    fromOption("discoveryAddress", options.discoveryAddress),
    { value: proxyConfig.discoveryAddress, origin: "ProxyConfig 'discoveryAddress'" },
  ], readAddress) ?? istiodOf(caAddress) ?? DEFAULT_ADDRESS;
  // istiod's plaintext port serves no certificates.
  const ca = caAddress ?? (discovery.plaintext ? { ...discovery, port: TLS_PORT, plaintext: false } : discovery);
  const san = settings.choose("server name", [
    fromOption("serverName", options.serverName),
    { value: env.get("ISTIOD_SAN"), origin: "variable 'ISTIOD_SAN'" },
  ], readDnsName);
  const service = (address: ControlPlaneAddress, prefix: string): ControlPlaneService => ({
    ...address,
    serverName: san ?? serverName(address.hostname),
    headers: { clusterid: clusterId, ...readHeaders(gathered, settings, prefix) },
  });
  return { discovery: service(discovery, "XDS_HEADER_"), ca: service(ca, "CA_HEADER_") };
}

/** A revisioned istiod is often named by `CA_ADDR` only; on another port it is a CA of its own. */
function istiodOf(ca: ControlPlaneAddress | undefined): ControlPlaneAddress | undefined {
  return ca !== undefined && (ca.port === TLS_PORT || ca.port === PLAINTEXT_PORT) ? ca : undefined;
}

/** An IP address is in no certificate of istiod, and localhost is a port-forward: its usual name is expected there. */
function serverName(hostname: string): string {
  return parseIp(hostname) !== null || hostname === "localhost"
    ? DEFAULT_ADDRESS.hostname
    : hostname.replace(/\.$/, "");
}

function readHeaders(gathered: Gathered, settings: Settings, prefix: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [variable, value] of Object.entries(gathered.env.list(prefix))) {
    const name = variable.slice(prefix.length).toLowerCase();
    const valid = /^[a-z0-9_.-]+$/.test(name) && !name.endsWith("-bin") && !name.startsWith("grpc-");
    // The value may be a secret: it is not shown.
    if (valid && /^[\x20-\x7e]*$/.test(value)) headers[name] = value;
    else settings.report(`variable '${variable}'`, "Cannot send it as a header: name or value is not allowed in one");
  }
  return headers;
}
