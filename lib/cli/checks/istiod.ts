import type { Bootstrap } from "../../bootstrap/bootstrap.ts";
import type { ControlPlaneService } from "../../bootstrap/control_plane.ts";
import type { RootSource } from "../../bootstrap/credentials.ts";
import { formatAddress } from "../../internal/socket_address.ts";
import type { Connector } from "../../transport/connector.ts";
import { matchHostname } from "../../transport/peer_rules.ts";
import type { ClientTls } from "../../transport/tls_options.ts";
import type { TransportFailure } from "../../transport/transport_failure.ts";
import { streamFailure } from "../../xds/stream_failure.ts";
import { type CheckResult, result } from "../check.ts";
import { failures } from "../failure.ts";

const TIMEOUT_MS = 5000;
const UNAVAILABLE = 14;

/** Connects to the discovery service, and to the CA where it is another one, and verifies each by name. */
export async function checkIstiod(
  bootstrap: Bootstrap,
  connector: Connector,
): Promise<{ localAddress: string | null; results: readonly CheckResult[] }> {
  const { discovery, ca, roots } = bootstrap;
  const first = await reach(discovery, roots.discovery, connector);
  const separate = roots.ca !== null && formatAddress(ca) !== formatAddress(discovery);
  const second = separate ? await reach(ca, roots.ca, connector) : null;
  return {
    localAddress: first.localAddress,
    results: second === null ? first.results : [...first.results, ...second.results],
  };
}

async function reach(service: ControlPlaneService, roots: RootSource | null, connector: Connector) {
  const address = formatAddress(service);
  let failed: TransportFailure | null = null;
  try {
    const stream = await connector.connect({
      address: service,
      tls: service.plaintext || roots === null ? null : tlsOf(service, roots),
      connectTimeoutMs: TIMEOUT_MS,
      onTransportFailure: (failure) => void (failed = failure),
    });
    const localAddress = stream.info.local.hostname;
    stream.destroy();
    const how = service.plaintext ? "in plaintext" : `over TLS as '${service.serverName}'`;
    return { localAddress, results: [result("istiod", "ok", `'${address}' answers ${how}`)] };
  } catch (error) {
    const failure = failed as TransportFailure | null;
    if (failure === null) return { localAddress: null, results: failures("istiod", error) };
    const told = streamFailure(service, { code: UNAVAILABLE, details: failure.reason, transport: failure.kind });
    return { localAddress: null, results: failures("istiod", told.error) };
  }
}

function tlsOf({ serverName }: ControlPlaneService, roots: RootSource): ClientTls {
  return {
    certificate: null,
    trust: roots.kind === "system" ? "system" : { roots: [roots.pem], version: 0 },
    acceptSans: matchHostname(serverName),
    alpn: ["h2"],
    sni: serverName,
  };
}
