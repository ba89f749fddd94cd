import { MeshError, type MeshErrorCode } from "../errors.ts";
import { formatAddress, type SocketAddress } from "../internal/socket_address.ts";
import type { TransportFailure } from "../transport/transport_failure.ts";

/** Why there is no stream to the control plane. */
export interface StreamFailure {
  readonly error: MeshError;
  /** Whether trying again without changing anything is pointless: a start-up should report it. */
  readonly permanent: boolean;
}

/** What is known at the end of a stream or of a try to open one. */
export interface StreamEnd {
  /** gRPC status code. */
  readonly code: number;
  readonly details: string;
  /** What failed before there was a stream. */
  readonly transport?: TransportFailure["kind"];
}

interface Rule {
  readonly code?: number;
  readonly text?: RegExp;
  readonly transport?: readonly TransportFailure["kind"][];
  readonly error: MeshErrorCode;
  readonly permanent: boolean;
  readonly says: string;
  readonly hint: string;
}

/** First match wins. Texts are those of the runtime's TLS and sockets; codes those of istiod (`pilot/pkg/xds`). */
const RULES: readonly Rule[] = [
  {
    // The resolver of host names reports a missing permission as EPERM.
    text: /Requires net access to|getaddrinfo EPERM/,
    error: "PERMISSION_MISSING",
    permanent: true,
    says: "the process may not connect to it",
    hint: "Run with --allow-net={address}",
  },
  {
    transport: ["wrong_identity"],
    error: "CONFIG_INVALID",
    permanent: true,
    says: "its certificate is for another name",
    hint:
      "Check the discovery address; when it is an alias or an IP address, name the certificate's DNS name in ISTIOD_SAN",
  },
  {
    transport: ["untrusted", "expired", "not_yet_valid", "wrong_usage", "no_certificate", "malformed", "unverifiable"],
    error: "CONFIG_INVALID",
    permanent: true,
    says: "its certificate is not signed by a trusted root, or out of its time",
    hint: "Check that the root certificate is that of this mesh, and the clock of this machine",
  },
  {
    text: /wrong.version|InvalidContentType|corrupt message/i,
    error: "CONFIG_INVALID",
    permanent: true,
    says: "it does not speak TLS on this port",
    hint: "Use istiod's TLS port 15012; 15010 is plaintext",
  },
  {
    code: 16,
    error: "IDENTITY_REJECTED",
    permanent: true,
    says: "it does not accept our token or certificate",
    hint: "Check that the token is current, has the audience 'istio-ca' and is from this cluster, and the clock",
  },
  {
    code: 7,
    error: "IDENTITY_REJECTED",
    permanent: true,
    says: "it refuses this identity",
    hint: "Check that workload namespace and service account are those of the token",
  },
  {
    code: 3,
    error: "CONFIG_INVALID",
    permanent: true,
    says: "it refuses what this workload says about itself",
    hint: "Check the workload's name, namespace, addresses and the ISTIO_META_ variables",
  },
  {
    code: 12,
    error: "CONFIG_INVALID",
    permanent: true,
    says: "it serves no aggregated discovery",
    hint: "Check that the discovery address is istiod's",
  },
  {
    text: /ECONNREFUSED/,
    error: "CONTROL_PLANE_UNAVAILABLE",
    permanent: false,
    says: "it refuses the connection",
    hint: "Check that istiod is running and the port",
  },
  {
    text: /ENOTFOUND|Name resolution|failed to lookup/,
    error: "CONTROL_PLANE_UNAVAILABLE",
    permanent: false,
    says: "its name does not resolve",
    hint: "Check the discovery address and DNS",
  },
  {
    error: "CONTROL_PLANE_UNAVAILABLE",
    permanent: false,
    says: "no stream could be kept open",
    hint: "Check that istiod is running and reachable",
  },
];

const MAX_DETAILS = 500;

/** Says in plain words why a stream ended, and what to do. */
export function streamFailure(address: SocketAddress, end: StreamEnd): StreamFailure {
  const details = tidy(end.details);
  const rule = RULES.find(({ code, text, transport }) =>
    (code === undefined || code === end.code) && (text === undefined || text.test(details)) &&
    (transport === undefined || (end.transport !== undefined && transport.includes(end.transport)))
  )!;
  const target = formatAddress(address);
  const message = `Cannot get configuration from istiod at '${target}': ${rule.says}`;
  const error = new MeshError(rule.error, message, {
    problems: [{
      subject: target,
      message: details === "" ? `the stream ended with gRPC status ${end.code}` : details,
      hint: rule.hint.replace("{address}", target),
    }],
  });
  return { error, permanent: rule.permanent };
}

/** The text without the library's frame, control characters and excess: parts of it come from the peer. */
function tidy(details: string): string {
  return details
    .replace(/^No connection established\. Last error: /, "")
    .replace(/\.? Resolution note: ?$/, "")
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)$/, "")
    .replace(/\p{Cc}+/gu, " ")
    .slice(0, MAX_DETAILS);
}
