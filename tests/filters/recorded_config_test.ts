import assert from "node:assert/strict";
import { alpnFilter } from "../../filters/alpn.ts";
import { corsFilter } from "../../filters/cors.ts";
import { faultFilter } from "../../filters/fault.ts";
import { grpcStatsFilter } from "../../filters/grpc_stats.ts";
import { istioStatsFilter } from "../../filters/istio_stats.ts";
import { peerMetadataFilter } from "../../filters/peer_metadata.ts";
import type { HttpFilterType } from "../../lib/filter/http_filter.ts";
import type { EnvoyConfigListenerV3FilterChain, GoogleProtobufAny } from "../../lib/protobuf/gen/messages.ts";
import { decode, encode, messageName, unpackAny } from "../../lib/protobuf/registry.ts";
import { fakeContext, fakeTelemetry } from "./fake_call.ts";

const MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const TYPES = [alpnFilter, corsFilter, faultFilter, grpcStatsFilter, istioStatsFilter, peerMetadataFilter];
const recordings = new URL("../../../shared/xds/", import.meta.url);

function parse(any: GoogleProtobufAny): { type: HttpFilterType; unsupported: readonly string[] } | null {
  let name = messageName(any.typeUrl ?? "");
  let bytes = any.value ?? new Uint8Array();
  let form: "message" | "struct" = "message";
  if (name === "udpa.type.v1.TypedStruct") {
    const typed = decode(name, bytes);
    name = messageName(typed.typeUrl ?? "");
    bytes = encode("google.protobuf.Struct", typed.value ?? {});
    form = "struct";
  }
  const type = TYPES.find(({ configTypes }) => configTypes.includes(name));
  if (type === undefined) return null;
  const plan = type.parse(bytes, form);
  for (const direction of ["inbound", "outbound"] as const) {
    plan.create(fakeContext({ direction, telemetry: fakeTelemetry() }));
  }
  return { type, unsupported: plan.unsupported ?? [] };
}

Deno.test("reads every configuration that a real istiod sent", async () => {
  const seen = new Map<HttpFilterType, number>();
  for (const scenario of ["basic", "telemetry", "grpc"]) {
    for await (const node of Deno.readDir(new URL(`${scenario}/`, recordings))) {
      if (node.name === "config") continue;
      const folder = new URL(`${scenario}/${node.name}/`, recordings);
      for await (const { name } of Deno.readDir(folder)) {
        if (!name.endsWith("-LDS.binpb")) continue;
        const response = decode(
          node.name.endsWith("-sotw")
            ? "envoy.service.discovery.v3.DiscoveryResponse"
            : "envoy.service.discovery.v3.DeltaDiscoveryResponse",
          await Deno.readFile(new URL(name, folder)),
        );
        const resources: GoogleProtobufAny[] = (response.resources ?? []).map((entry) =>
          "resource" in entry ? entry.resource! : entry as GoogleProtobufAny
        );
        for (const resource of resources) {
          const listener = unpackAny("envoy.config.listener.v3.Listener", resource);
          const chains: EnvoyConfigListenerV3FilterChain[] = listener.filterChains ?? [];
          for (const chain of [...chains, listener.defaultFilterChain ?? {}]) {
            for (const { typedConfig } of chain.filters ?? []) {
              if (typedConfig === undefined || messageName(typedConfig.typeUrl ?? "") !== MANAGER) continue;
              for (const filter of unpackAny(MANAGER, typedConfig).httpFilters ?? []) {
                const parsed = filter.typedConfig === undefined ? null : parse(filter.typedConfig);
                if (parsed === null) continue;
                assert.deepEqual(parsed.unsupported, [], `${scenario} ${node.name} ${filter.name}`);
                seen.set(parsed.type, (seen.get(parsed.type) ?? 0) + 1);
              }
            }
          }
        }
      }
    }
  }
  for (const type of TYPES) assert.ok((seen.get(type) ?? 0) > 10, type.configTypes[0]!);
});
