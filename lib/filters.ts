import { alpnFilter } from "../filters/alpn.ts";
import { corsFilter } from "../filters/cors.ts";
import { dynamicForwardProxyFilter } from "../filters/dynamic_forward_proxy.ts";
import { faultFilter } from "../filters/fault.ts";
import { grpcStatsFilter } from "../filters/grpc_stats.ts";
import { grpcWebFilter } from "../filters/grpc_web.ts";
import { headerMutationFilter } from "../filters/header_mutation.ts";
import { istioStatsFilter } from "../filters/istio_stats.ts";
import { localRateLimitFilter } from "../filters/local_ratelimit.ts";
import { peerMetadataFilter } from "../filters/peer_metadata.ts";
import { statefulSessionFilter } from "../filters/stateful_session.ts";
import { wasmFilter } from "../filters/wasm.ts";
import type { HttpFilterType } from "./filter/http_filter.ts";

/** The HTTP filters of this version. */
export const FILTERS: readonly HttpFilterType[] = [
  alpnFilter,
  corsFilter,
  dynamicForwardProxyFilter,
  faultFilter,
  grpcStatsFilter,
  grpcWebFilter,
  headerMutationFilter,
  istioStatsFilter,
  localRateLimitFilter,
  peerMetadataFilter,
  statefulSessionFilter,
  wasmFilter,
];
