import { chosenCluster } from "../lib/filter/chosen_cluster.ts";
import type { FilterContext, HttpFilterType, HttpLayer } from "../lib/filter/http_filter.ts";
import type { Call } from "../lib/http/call.ts";
import type { HeaderList } from "../lib/http/header_list.ts";
import { decode } from "../lib/protobuf/registry.ts";
import { type Json, structToJson } from "../lib/protobuf/well_known.ts";
import type { Cluster } from "../lib/resource/cluster.ts";
import { isCatchAllCluster } from "../lib/telemetry/destination_service.ts";
import type { FilterTelemetry } from "../lib/telemetry/filter_telemetry.ts";
import { PEER_METADATA_HEADER, PEER_METADATA_ID_HEADER } from "../lib/telemetry/peer_metadata_codec.ts";

const CONFIG = "io.istio.http.peer_metadata.Config";

/** What of the configuration decides anything here; the other methods (workload discovery) are not header exchange. */
interface Exchanged {
  /** Whether headers of the other side are read; they are taken off in any case. */
  readonly discover: boolean;
  /** Whether our own headers are sent. */
  readonly propagate: boolean;
}

/**
 * `istio.metadata_exchange`: both sides of a request tell each other their workload in two headers, which metrics need.
 *
 * Outbound, our headers go with every request to a service of the mesh, and the answer's are read. Passthrough and
 * external clusters get none: what we run is nobody's business outside of the mesh. Inbound, the request's headers are
 * read, and the answer carries ours if the request had any. Either way the application sees none of them.
 */
export const peerMetadataFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes) {
    const config = structToJson(decode("google.protobuf.Struct", bytes));
    const inbound = exchanged(config, "downstream");
    const outbound = exchanged(config, "upstream");
    return {
      create(context) {
        const { telemetry } = context;
        if (telemetry === undefined) return null;
        return context.direction === "inbound"
          ? inboundLayer(inbound, telemetry)
          : outboundLayer(outbound, telemetry, context);
      },
    };
  },
};

function exchanged(config: { [key: string]: Json }, side: "upstream" | "downstream"): Exchanged {
  return {
    discover: usesHeaders(config[`${side}_discovery`] ?? config[`${side}Discovery`]),
    propagate: usesHeaders(config[`${side}_propagation`] ?? config[`${side}Propagation`]),
  };
}

function usesHeaders(methods: Json | undefined): boolean {
  return Array.isArray(methods) &&
    methods.some((method) =>
      typeof method === "object" && method !== null && !Array.isArray(method) &&
      ("istio_headers" in method || "istioHeaders" in method)
    );
}

function outboundLayer(exchanged: Exchanged, telemetry: FilterTelemetry, context: FilterContext): HttpLayer {
  return function peerMetadata(next) {
    return async (request, call) => {
      // What the application put there itself is no proxy's word.
      const headers = request.headers;
      takeOff(headers);
      if (exchanged.propagate && mayTell(chosenCluster(call, context))) {
        headers.append(PEER_METADATA_ID_HEADER, telemetry.node.id);
        headers.append(PEER_METADATA_HEADER, telemetry.ownMetadata);
      }
      const response = await next(request, call);
      const found = takeOff(response.headers);
      if (exchanged.discover && found !== null && found.value !== null) {
        call.peer = telemetry.peers.get(found.id ?? "", found.value);
      }
      call.peer ??= endpointPeer(call, telemetry);
      return response;
    };
  };
}

function inboundLayer(exchanged: Exchanged, telemetry: FilterTelemetry): HttpLayer {
  return function peerMetadata(next) {
    return async (request, call) => {
      const found = takeOff(request.headers);
      if (found === null) return await next(request, call);
      if (exchanged.discover && found.value !== null) call.peer = telemetry.peers.get(found.id ?? "", found.value);
      const response = await next(request, call);
      if (exchanged.propagate) {
        if (found.id !== null) response.headers.set(PEER_METADATA_ID_HEADER, telemetry.node.id);
        if (found.value !== null) response.headers.set(PEER_METADATA_HEADER, telemetry.ownMetadata);
      }
      return response;
    };
  };
}

/** Whether the destination may know who we are: only a service of the mesh, and only while the mesh does not say no. */
function mayTell(cluster: Cluster | null): boolean {
  if (cluster === null || isCatchAllCluster(cluster.name)) return false;
  const istio = cluster.metadata["istio"];
  return istio === undefined || (istio["external"] !== true && istio["disable_mx"] !== true);
}

function endpointPeer(call: Call, telemetry: FilterTelemetry) {
  return call.endpoint === null ? null : telemetry.endpoints.get(call.endpoint.metadata);
}

/** Takes both headers off in one pass; `null` where there was neither, the common case where nothing is written. */
function takeOff(headers: HeaderList): { id: string | null; value: string | null } | null {
  const pairs = headers.pairs;
  let id: string | null = null;
  let value: string | null = null;
  let found = false;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!;
    // Only these two names (and few others) are that long: most headers fail on the length alone.
    if (name.length === PEER_METADATA_HEADER.length && name === PEER_METADATA_HEADER) value ??= pairs[i + 1]!;
    else if (name.length === PEER_METADATA_ID_HEADER.length && name === PEER_METADATA_ID_HEADER) id ??= pairs[i + 1]!;
    else continue;
    found = true;
  }
  if (!found) return null;
  headers.delete(PEER_METADATA_HEADER);
  headers.delete(PEER_METADATA_ID_HEADER);
  return { id, value };
}
