import type { FilterParser, FilterParsers } from "../../lib/resource/filter_parsers.ts";
import type { ResourceKind } from "../../lib/resource/snapshot.ts";
import type { ResourceUpdate } from "../../lib/resource/resource_update.ts";
import { decode, messageName } from "../../lib/protobuf/registry.ts";

const ROOT = new URL("../../../shared/xds/", import.meta.url);

const KINDS: Readonly<Record<string, ResourceKind>> = {
  "envoy.config.cluster.v3.Cluster": "cluster",
  "envoy.config.endpoint.v3.ClusterLoadAssignment": "endpoint",
  "envoy.config.listener.v3.Listener": "listener",
  "envoy.config.route.v3.RouteConfiguration": "route",
  "envoy.config.core.v3.TypedExtensionConfig": "extension",
  "istio.networking.nds.v1.NameTable": "nameTable",
};

interface ManifestEntry {
  kind: "request" | "response" | "step";
  step?: string;
  typeUrl?: string;
  file?: string;
}

interface Manifest {
  protocol: "delta" | "sotw";
  nodeInfo: { metadata: { NAMESPACE: string } };
  entries: ManifestEntry[];
}

/** One response of a recording, as the ADS client would hand it on. */
export interface RecordedUpdate {
  readonly file: string;
  /** The step of the sequence that caused it. */
  readonly step: string;
  readonly kind: ResourceKind;
  readonly update: ResourceUpdate;
}

/** What one node of a scenario was sent. */
export interface Recording {
  /** `scenario/node`. */
  readonly name: string;
  readonly namespace: string;
  readonly updates: readonly RecordedUpdate[];
}

/** `scenario/node` of every recording that holds bytes. */
export function recordingNames(): string[] {
  const names: string[] = [];
  for (const scenario of Deno.readDirSync(ROOT)) {
    if (!scenario.isDirectory) continue;
    for (const node of Deno.readDirSync(new URL(`${scenario.name}/`, ROOT))) {
      const folder = new URL(`${scenario.name}/${node.name}/`, ROOT);
      if (node.isDirectory && [...Deno.readDirSync(folder)].some((file) => file.name.endsWith(".binpb"))) {
        names.push(`${scenario.name}/${node.name}`);
      }
    }
  }
  return names.sort();
}

/** Reads one recording; types that are not resources of a snapshot (WDS) are left out. */
export function readRecording(name: string): Recording {
  const folder = new URL(`${name}/`, ROOT);
  const manifest: Manifest = JSON.parse(Deno.readTextFileSync(new URL("manifest.json", folder)));
  const updates: RecordedUpdate[] = [];
  for (const entry of manifest.entries) {
    const kind = KINDS[messageName(entry.typeUrl ?? "")];
    if (entry.kind !== "response" || kind === undefined || entry.file === undefined) continue;
    const bytes = Deno.readFileSync(new URL(entry.file, folder));
    const update = manifest.protocol === "sotw" ? readStateOfTheWorld(kind, bytes) : readDelta(bytes);
    updates.push({ file: `${name}/${entry.file}`, step: entry.step ?? "", kind, update });
  }
  return { name, namespace: manifest.nodeInfo.metadata.NAMESPACE, updates };
}

function readDelta(bytes: Uint8Array): ResourceUpdate {
  const response = decode("envoy.service.discovery.v3.DeltaDiscoveryResponse", bytes);
  const changed = new Map<string, Uint8Array>();
  for (const resource of response.resources ?? []) {
    changed.set(resource.name ?? "", resource.resource?.value ?? new Uint8Array());
  }
  return { changed, removed: response.removedResources ?? [] };
}

function readStateOfTheWorld(kind: ResourceKind, bytes: Uint8Array): ResourceUpdate {
  const response = decode("envoy.service.discovery.v3.DiscoveryResponse", bytes);
  const changed = new Map<string, Uint8Array>();
  for (const { typeUrl = "", value = new Uint8Array() } of response.resources ?? []) {
    changed.set(nameInside(messageName(typeUrl), value), value);
  }
  return { changed, removed: [], full: kind === "cluster" || kind === "listener" };
}

function nameInside(message: string, bytes: Uint8Array): string {
  switch (message) {
    case "envoy.config.cluster.v3.Cluster":
    case "envoy.config.listener.v3.Listener":
    case "envoy.config.route.v3.RouteConfiguration":
    case "envoy.config.core.v3.TypedExtensionConfig":
      return decode(message, bytes).name ?? "";
    case "envoy.config.endpoint.v3.ClusterLoadAssignment":
      return decode(message, bytes).clusterName ?? "";
    default:
      return "";
  }
}

/** Stands for every filter: keeps what it was given. */
const KEEP: FilterParser = { parse: (bytes, form) => ({ bytes, form }) };

function knowing(names: readonly string[]): ReadonlyMap<string, FilterParser> {
  return new Map(names.map((name) => [name, KEEP]));
}

/** Knows the filters that Istio puts into every chain, and those of policies; it reads none of them. */
export const RECORDING_PARSERS: FilterParsers = {
  http: knowing([
    "io.istio.http.peer_metadata.Config",
    "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig",
    "stats.PluginConfig",
    "envoy.extensions.filters.http.cors.v3.Cors",
    "envoy.extensions.filters.http.fault.v3.HTTPFault",
    "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
    "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
    "envoy.extensions.filters.http.rbac.v3.RBAC",
    "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
  ]),
  perRoute: knowing([
    "envoy.extensions.filters.http.cors.v3.CorsPolicy",
    "envoy.extensions.filters.http.fault.v3.HTTPFault",
  ]),
  network: knowing([
    "envoy.tcp.metadataexchange.config.MetadataExchange",
    "stats.PluginConfig",
    "envoy.extensions.filters.network.rbac.v3.RBAC",
  ]),
  skip: new Set(),
};
