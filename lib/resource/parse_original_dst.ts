import type { EnvoyConfigClusterV3ClusterOriginalDstLbConfig as OriginalDstLbConfig } from "../protobuf/gen/messages.ts";
import type { Cluster } from "./cluster.ts";
import type { Issues } from "./issues.ts";
import { parseNumber, required } from "./parse_common.ts";

const DEFAULT_HEADER = "x-envoy-original-dst-host";

/** Where an ORIGINAL_DST cluster may be told another destination than the original one; by default nowhere. */
export function parseOriginalDst(
  issues: Issues,
  config: OriginalDstLbConfig | undefined,
): Pick<Cluster, "originalDstHeader" | "originalDstMetadata" | "originalDstPortOverride"> {
  const path = "original_dst_lb_config";
  const name = config?.httpHeaderName ?? "";
  const useHeader = config?.useHttpHeader ?? false;
  if (!useHeader && name !== "") {
    issues.invalid(`${path}.http_header_name`, "it has no meaning unless use_http_header is true", name);
  }
  return {
    originalDstHeader: useHeader ? (name || DEFAULT_HEADER).toLowerCase() : null,
    originalDstMetadata: parseMetadataKey(issues, `${path}.metadata_key`, config?.metadataKey),
    originalDstPortOverride: config?.upstreamPortOverride === undefined
      ? null
      : parseNumber(issues, `${path}.upstream_port_override`, config.upstreamPortOverride, 0, { max: 65_535 }),
  };
}

function parseMetadataKey(
  issues: Issues,
  path: string,
  key: OriginalDstLbConfig["metadataKey"],
): { readonly namespace: string; readonly path: readonly string[] } | null {
  if (key === undefined) return null;
  const namespace = required(issues, `${path}.key`, key.key);
  const segments = key.path ?? [];
  if (segments.length === 0) issues.invalid(`${path}.path`, "it must not be empty");
  return {
    namespace,
    path: segments.map((segment, index) => required(issues, `${path}.path[${index}].key`, segment.key)),
  };
}
