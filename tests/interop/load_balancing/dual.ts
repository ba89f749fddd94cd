/**
 * Messages written once for both sides: as plain objects in the shape of the generated types, from which enmesh gets
 * bytes and Envoy JSON.
 *
 * @module
 */
import type { EnvoyConfigClusterV3Cluster } from "../../../lib/protobuf/gen/messages.ts";
import { encode, type MessageName, packAny } from "../../../lib/protobuf/registry.ts";
import { type Json, jsonToStruct } from "../../../lib/protobuf/well_known.ts";

/** A message in an Any. */
export class Packed {
  readonly name: MessageName;
  readonly message: object;

  constructor(name: MessageName, message: object) {
    this.name = name;
    this.message = message;
  }
}

/** A `google.protobuf.Struct`. */
export class Struct {
  readonly value: Readonly<Record<string, Json>>;

  constructor(value: Readonly<Record<string, Json>>) {
    this.value = value;
  }
}

/** The percentages, which look like wrappers and are messages. */
const PERCENTS = new Set(["healthyPanicThreshold", "minWeightPercent", "routingEnabled"]);
const DURATIONS = new Set(["connectTimeout", "slowStartWindow", "ttl"]);

/** The JSON of a message, as Envoy reads it. */
export function forEnvoy(value: unknown, key = ""): unknown {
  if (value instanceof Struct) return value.value;
  if (value instanceof Packed) {
    return { "@type": `type.googleapis.com/${value.name}`, ...forEnvoy(value.message) as object };
  }
  if (Array.isArray(value)) return value.map((each) => forEnvoy(each));
  if (typeof value !== "object" || value === null) return value;
  if (DURATIONS.has(key)) return `${(value as { seconds?: number }).seconds ?? 0}s`;
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]![0] === "value" && !PERCENTS.has(key)) return entries[0]![1];
  return Object.fromEntries(entries.map(([name, inner]) => [name, forEnvoy(inner, name)]));
}

/** The bytes of a cluster, as enmesh reads them. */
export function clusterBytes(cluster: object): Uint8Array {
  return encode("envoy.config.cluster.v3.Cluster", forEnmesh(cluster) as EnvoyConfigClusterV3Cluster);
}

function forEnmesh(value: unknown): unknown {
  if (value instanceof Struct) return jsonToStruct(value.value);
  if (value instanceof Packed) return packAny(value.name, forEnmesh(value.message) as never);
  if (Array.isArray(value)) return value.map(forEnmesh);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, forEnmesh(inner)]));
}
