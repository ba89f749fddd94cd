import { HeaderList } from "../../http/header_list.ts";
import { decode } from "../../protobuf/registry.ts";
import { Status, type StatusCode } from "../abi.ts";
import type { ClusterCalls } from "../cluster_calls.ts";
import { isFieldName, isFieldValue } from "../http/field_syntax.ts";
import { decodeLatin1 } from "../latin1.ts";

/** Where a gRPC call goes. */
export interface GrpcTarget {
  readonly cluster: string;
  readonly authority: string;
  /** The largest message received, bytes; `null` for no limit of its own. */
  readonly maxMessageBytes: number | null;
  /** Metadata of every call, flat. */
  readonly metadata: readonly string[];
}

/**
 * Reads the upstream of a gRPC call as Envoy does: a serialised `envoy.config.core.v3.GrpcService`, or the name of a
 * cluster. What is neither is `PARSE_FAILURE`; a service that is not a cluster (`google_grpc`) is `BAD_ARGUMENT`.
 *
 * @param bytes As the module gives it.
 * @param clusters What there is.
 */
export function grpcTarget(bytes: Uint8Array, clusters: ClusterCalls): GrpcTarget | StatusCode {
  const name = decodeLatin1(bytes, 0, bytes.length);
  // Asked first, for a name could be a message by chance.
  if (name !== "" && clusters.has(name)) {
    return { cluster: name, authority: usualAuthority(name), maxMessageBytes: null, metadata: [] };
  }
  let service;
  try {
    service = decode("envoy.config.core.v3.GrpcService", bytes);
  } catch {
    return Status.PARSE_FAILURE;
  }
  const { clusterName = "", authority = "", maxReceiveMessageLength } = service.envoyGrpc ?? {};
  if (clusterName === "") return Status.BAD_ARGUMENT;
  if (!clusters.has(clusterName)) return Status.INTERNAL_FAILURE;
  const metadata = new HeaderList();
  for (const { key = "", value = "" } of service.initialMetadata ?? []) {
    const field = key.toLowerCase();
    if (!isFieldName(field) || !isFieldValue(value)) return Status.BAD_ARGUMENT;
    metadata.append(field, value);
  }
  return {
    cluster: clusterName,
    authority: authority === "" ? usualAuthority(clusterName) : authority,
    maxMessageBytes: maxReceiveMessageLength?.value ?? null,
    metadata: metadata.pairs,
  };
}

/**
 * The authority where the module gives none: the cluster's name, as in Envoy, but written as istiod writes it where it
 * sets one, for `|` is not allowed there and servers refuse it.
 */
function usualAuthority(cluster: string): string {
  return cluster.replaceAll("|", "_.");
}
