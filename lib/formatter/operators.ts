import { grpcStatusName, grpcStatusOf } from "./grpc_status.ts";
import { longResponseFlags } from "./response_flags.ts";
import type { HeaderView, StreamInfo } from "./stream_info.ts";
import { compileTimeFormat, isoTime } from "./time_format.ts";

/** What an operator yields: `null` is absent, numbers and objects keep their type in JSON. */
export type OperatorValue = string | number | boolean | object | null;

/** A format is well-formed, but this version does not know one of its operators. */
export class UnknownOperatorError extends SyntaxError {}

/** Reads one fact of a request. */
export type Operator = (info: StreamInfo) => OperatorValue;

/** Facts that are not of a request. */
export interface OperatorContext {
  /** For `%HOSTNAME%`; absent where it is not known. */
  readonly hostname?: string;
  /** For `%ENVIRONMENT(X)%`; absent where the environment may not be read. */
  readonly environment?: (name: string) => string | undefined;
  /** For `%EMIT_TIME%`: milliseconds since the epoch; absent takes the end of the request. */
  readonly now?: () => number;
}

type Arguments = { readonly name: string; readonly argument: string | null; readonly context: OperatorContext };

/** Operators without an argument. */
const PLAIN: Readonly<Record<string, Operator>> = {
  PROTOCOL: (info) => info.protocol,
  RESPONSE_CODE: (info) => info.responseCode,
  RESPONSE_FLAGS: (info) => info.responseFlags,
  RESPONSE_FLAGS_LONG: (info) => longResponseFlags(info.responseFlags),
  CONNECTION_TERMINATION_DETAILS: (info) => info.connectionTerminationDetails,
  UPSTREAM_TRANSPORT_FAILURE_REASON: (info) => info.upstreamTransportFailureReason?.replaceAll(" ", "_") ?? null,
  BYTES_RECEIVED: (info) => info.requestBodyBytes,
  BYTES_SENT: (info) => info.responseBodyBytes,
  REQUEST_HEADERS_BYTES: (info) => info.requestHeaderBytes,
  RESPONSE_HEADERS_BYTES: (info) => info.responseHeaderBytes,
  DURATION: (info) => info.durationMs === null ? null : Math.floor(info.durationMs),
  UPSTREAM_HOST: (info) => info.upstreamHost,
  UPSTREAM_REMOTE_ADDRESS: (info) => upstreamRemote(info),
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (info) => withoutPort(upstreamRemote(info)),
  UPSTREAM_REMOTE_PORT: (info) => portOf(upstreamRemote(info)),
  UPSTREAM_CLUSTER: (info) => info.clusterName,
  UPSTREAM_CLUSTER_RAW: (info) => info.clusterName,
  UPSTREAM_LOCAL_ADDRESS: (info) => info.upstreamLocalAddress,
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (info) => withoutPort(info.upstreamLocalAddress),
  UPSTREAM_LOCAL_PORT: (info) => portOf(info.upstreamLocalAddress),
  UPSTREAM_PROTOCOL: (info) => info.upstreamProtocol,
  UPSTREAM_HOST_NAME: (info) => info.upstreamHostName,
  UPSTREAM_HOST_NAME_WITHOUT_PORT: (info) => withoutPort(info.upstreamHostName),
  UPSTREAM_TLS_VERSION: (info) => info.upstreamTls?.version ?? null,
  UPSTREAM_TLS_CIPHER: (info) => info.upstreamTls?.cipher ?? null,
  UPSTREAM_PEER_URI_SAN: (info) => info.upstreamPeerPrincipal,
  // The headers of a request are made ready before its first attempt, and belong to it.
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (info) =>
    info.attemptCount === 0 && info.clusterName !== null ? 1 : info.attemptCount,
  DOWNSTREAM_LOCAL_ADDRESS: (info) => info.downstreamLocalAddress,
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (info) => withoutPort(info.downstreamLocalAddress),
  DOWNSTREAM_LOCAL_PORT: (info) => portOf(info.downstreamLocalAddress),
  DOWNSTREAM_REMOTE_ADDRESS: (info) => info.downstreamRemoteAddress,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (info) => withoutPort(info.downstreamRemoteAddress),
  DOWNSTREAM_REMOTE_PORT: (info) => portOf(info.downstreamRemoteAddress),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (info) => info.downstreamDirectRemoteAddress,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (info) => withoutPort(info.downstreamDirectRemoteAddress),
  DOWNSTREAM_DIRECT_REMOTE_PORT: (info) => portOf(info.downstreamDirectRemoteAddress),
  DOWNSTREAM_PEER_URI_SAN: (info) => info.downstreamPeerPrincipal,
  DOWNSTREAM_LOCAL_URI_SAN: (info) => info.downstreamLocalPrincipal,
  DOWNSTREAM_TLS_CIPHER: (info) => info.downstreamTlsCipher,
  DOWNSTREAM_TLS_VERSION: (info) => info.downstreamTlsVersion,
  REQUESTED_SERVER_NAME: (info) => info.requestedServerName,
  ROUTE_NAME: (info) => info.routeName === "" ? null : info.routeName,
  GRPC_STATUS_NUMBER: (info) => grpcStatusOf(info),
  UNIQUE_ID: (info) => info.requestHeaders?.get("x-request-id") ?? null,
  STREAM_ID: (info) => info.requestHeaders?.get("x-request-id") ?? null,
  // W3C trace context: version-traceid-parentid-flags.
  TRACE_ID: (info) => info.requestHeaders?.get("traceparent")?.split("-")[1] ?? null,
};

/** Operators that need (or may have) an argument. */
const WITH_ARGUMENT: Readonly<Record<string, (given: Arguments) => Operator>> = {
  REQ: (given) => headerOperator(given, requestHeader),
  RESP: (given) => headerOperator(given, (info, name) => headerOf(info.responseHeaders, name, info)),
  TRAILER: (given) => headerOperator(given, (info, name) => info.responseTrailers?.get(name)),
  START_TIME: (given) => timeOperator(given, (info) => info.startTime),
  EMIT_TIME: (given) => {
    const { now } = given.context;
    return timeOperator(given, (info) => now === undefined ? info.startTime + (info.durationMs ?? 0) : now());
  },
  DYNAMIC_METADATA: (given) => {
    const [namespace, ...path] = requireArgument(given).split(":");
    return (info) => walk(info.dynamicMetadata?.get(namespace!), path);
  },
  FILTER_STATE: (given) => {
    // The serialisation asked for (`:PLAIN`, `:TYPED`) is the same here: filter state is kept as text.
    const name = requireArgument(given).replace(/:(PLAIN|TYPED|FIELD)(:.*)?$/, "");
    return (info) => info.filterState?.get(name) ?? null;
  },
  GRPC_STATUS: ({ argument }) => (info) => {
    const status = grpcStatusOf(info);
    if (status === null) return null;
    if (argument === "NUMBER") return status;
    return grpcStatusName(status, argument === "SNAKE_STRING" ? "snake" : "camel");
  },
  HOSTNAME: ({ context }) => () => context.hostname ?? null,
  ENVIRONMENT: (given) => {
    // Envoy writes a variable that is not set as `-`, even where other absent values are left empty.
    const value = given.context.environment?.(requireArgument(given)) ?? "-";
    return () => value;
  },
  RESPONSE_CODE_DETAILS: ({ argument }) =>
    argument === "ALLOW_WHITESPACES"
      ? (info) => info.responseCodeDetails
      : (info) => info.responseCodeDetails?.replaceAll(" ", "_") ?? null,
  PATH: pathOperator,
  QUERY_PARAM: (given) => {
    const name = requireArgument(given);
    return (info) => new URLSearchParams(info.path.split("#")[0]!.split("?").slice(1).join("?")).get(name);
  },
};

/** Operators of Envoy whose fact is never known here: absent, as they are in Envoy where it does not know it either. */
const UNKNOWN_FACTS: ReadonlySet<string> = new Set([
  "ACCESS_LOG_TYPE",
  "COMMON_DURATION",
  "CLUSTER_METADATA",
  "CONNECTION_ID",
  "CUSTOM_FLAGS",
  "DOWNSTREAM_DETECTED_CLOSE_TYPE",
  "DOWNSTREAM_HANDSHAKE_DURATION",
  "DOWNSTREAM_LOCAL_DNS_SAN",
  "DOWNSTREAM_LOCAL_SUBJECT",
  "DOWNSTREAM_PEER_CERT",
  "DOWNSTREAM_PEER_CERT_V_END",
  "DOWNSTREAM_PEER_CERT_V_START",
  "DOWNSTREAM_PEER_DNS_SAN",
  "DOWNSTREAM_PEER_FINGERPRINT_1",
  "DOWNSTREAM_PEER_FINGERPRINT_256",
  "DOWNSTREAM_PEER_ISSUER",
  "DOWNSTREAM_PEER_SERIAL",
  "DOWNSTREAM_PEER_SUBJECT",
  "DOWNSTREAM_TLS_SESSION_ID",
  "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
  "DOWNSTREAM_WIRE_BYTES_RECEIVED",
  "DOWNSTREAM_WIRE_BYTES_SENT",
  "FILTER_CHAIN_NAME",
  "JA3_FINGERPRINT",
  "JA4_FINGERPRINT",
  "METADATA",
  "PER_REQUEST_STATE",
  "REQUEST_DURATION",
  "REQUEST_TX_DURATION",
  "RESPONSE_DURATION",
  "RESPONSE_TRAILERS_BYTES",
  "RESPONSE_TX_DURATION",
  "ROUNDTRIP_DURATION",
  "TLS_JA3_FINGERPRINT",
  "UPSTREAM_CONNECTION_ID",
  "UPSTREAM_CONNECTION_POOL_READY_DURATION",
  "UPSTREAM_DETECTED_CLOSE_TYPE",
  "UPSTREAM_FILTER_STATE",
  "UPSTREAM_HEADER_BYTES_RECEIVED",
  "UPSTREAM_HEADER_BYTES_SENT",
  "UPSTREAM_HOSTS_ATTEMPTED",
  "UPSTREAM_LOCAL_CLOSE_REASON",
  "UPSTREAM_METADATA",
  "UPSTREAM_PEER_CERT",
  "UPSTREAM_PEER_ISSUER",
  "UPSTREAM_PEER_SUBJECT",
  "UPSTREAM_TLS_SESSION_ID",
  "UPSTREAM_WIRE_BYTES_RECEIVED",
  "UPSTREAM_WIRE_BYTES_SENT",
  "VIRTUAL_CLUSTER_NAME",
]);

/** Whether an operator may be cut to a length (`%REQ(X):10%`), as Envoy allows it. */
export function takesLength(name: string): boolean {
  return LENGTH_TAKERS.has(name) || UNKNOWN_FACTS.has(name);
}

const LENGTH_TAKERS: ReadonlySet<string> = new Set([
  "REQ",
  "RESP",
  "TRAILER",
  "DYNAMIC_METADATA",
  "FILTER_STATE",
  "ENVIRONMENT",
  "PATH",
  "QUERY_PARAM",
]);

/**
 * Finds the operator of a name.
 *
 * @param name What stands between the percent signs, before any bracket.
 * @param argument What stands in brackets, `null` without.
 * @throws {SyntaxError} When the operator is unknown or its argument is wrong.
 */
export function compileOperator(name: string, argument: string | null, context: OperatorContext): Operator {
  const plain = PLAIN[name];
  if (plain !== undefined) {
    if (argument !== null) throw new SyntaxError(`Cannot use operator '%${name}(${argument})%': it takes no argument`);
    return plain;
  }
  if (UNKNOWN_FACTS.has(name)) return () => null;
  const build = WITH_ARGUMENT[name];
  if (build === undefined) {
    throw new UnknownOperatorError(
      `Cannot use operator '%${name}%': it is not known, take one of Envoy's command operators that enmesh lists`,
    );
  }
  return build({ name, argument, context });
}

function requireArgument({ name, argument }: Arguments): string {
  if (argument === null || argument === "") {
    throw new SyntaxError(`Cannot use operator '%${name}%': it needs an argument, write '%${name}(...)%'`);
  }
  return argument;
}

function headerOperator(
  given: Arguments,
  read: (info: StreamInfo, name: string) => string | undefined,
): Operator {
  const [main, alternative, ...more] = requireArgument(given).toLowerCase().split("?");
  if (more.length > 0 || main === "") {
    throw new SyntaxError(`Cannot use operator '%${given.name}(${given.argument})%': write it '(MAIN?ALTERNATIVE)'`);
  }
  if (alternative === undefined || alternative === "") return (info) => read(info, main!) ?? null;
  return (info) => read(info, main!) ?? read(info, alternative) ?? null;
}

function requestHeader(info: StreamInfo, name: string): string | undefined {
  switch (name) {
    // A TCP connection has no request: its pseudo-headers are absent, not empty.
    case ":method":
      return info.method || undefined;
    case ":path":
    case "path":
      return info.path || undefined;
    case ":authority":
    case "host":
      return info.authority || undefined;
    case ":scheme":
      return info.scheme || undefined;
    default:
      return info.requestHeaders?.get(name);
  }
}

function headerOf(headers: HeaderView | null, name: string, info: StreamInfo): string | undefined {
  if (name === ":status") return info.responseCode === 0 ? undefined : String(info.responseCode);
  return headers?.get(name);
}

function timeOperator(given: Arguments, read: (info: StreamInfo) => number): Operator {
  const format = given.argument === null || given.argument === "" ? isoTime : compileTimeFormat(given.argument);
  return (info) => format(read(info));
}

function pathOperator({ argument }: Arguments): Operator {
  const options = (argument ?? "").split(":").filter((option) => option !== "");
  const withQuery = !options.includes("NQ");
  const choice = options.find((option) => option === "ORIG" || option === "PATH") ?? "ORIG_OR_PATH";
  return (info) => {
    const original = info.requestHeaders?.get("x-envoy-original-path");
    const path = choice === "ORIG" ? original : choice === "PATH" ? info.path : original ?? info.path;
    if (path === undefined || path === "") return null;
    return withQuery ? path : path.split("?", 1)[0]!;
  };
}

function walk(from: Readonly<Record<string, unknown>> | undefined, path: readonly string[]): OperatorValue {
  let value: unknown = from;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return null;
    value = (value as Record<string, unknown>)[key];
  }
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
    case "object":
      return value;
    default:
      return null;
  }
}

/** The other end of the connection to the upstream: a host that was chosen but not reached is none. */
function upstreamRemote(info: StreamInfo): string | null {
  return info.upstreamLocalAddress === null ? null : info.upstreamHost;
}

function portOf(address: string | null): number | null {
  return address === null ? null : Number(address.slice(address.lastIndexOf(":") + 1));
}

function withoutPort(address: string | null): string | null {
  if (address === null) return null;
  const host = address.slice(0, address.lastIndexOf(":"));
  return host.startsWith("[") ? host.slice(1, -1) : host;
}
