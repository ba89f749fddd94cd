/**
 * The sections of `/config_dump`: which lists each has, and how their items are made from what the mesh holds.
 *
 * @module
 */
import type { JsonObject } from "../protobuf/json.ts";
import type { Json } from "../protobuf/well_known.ts";
import type { ResourceFailure, StoredBytes } from "../resource/resource_record.ts";
import type { AdminResourceKind, AdminView } from "./admin_view.ts";
import { endpointConfigs } from "./endpoints_dump.ts";
import { inlineRoutes } from "./inline_routes.ts";
import { isoTime } from "./iso_time.ts";
import type { Writable } from "./json_writer.ts";
import { secretItems } from "./secrets_dump.ts";
import { WireAny } from "./wire_any.ts";

/** An item of a list: fields by name. */
export type DumpItem = ReadonlyMap<string, Writable>;

/** A list of a section. */
export interface DumpList {
  /** Message of its items, after `envoy.admin.v3.`. */
  readonly message: string;
  /** Fields of the items, and the message of those that are an Any. */
  readonly fields: Readonly<Record<string, string | null>>;
  /** The items whose names match; made when they are written. */
  items(view: AdminView, matches: (name: string) => boolean): Iterable<DumpItem>;
}

/** A section. */
export interface DumpSection {
  /** Its message, after `envoy.admin.v3.`. */
  readonly message: string;
  /** Whether it is shown only with `include_eds`. */
  readonly onlyWithEds: boolean;
  /** Whether it is left out while its lists are empty. */
  readonly optional: boolean;
  /** Fields that are no lists, of all and as they are now. */
  readonly fields: readonly string[];
  head(view: AdminView, now: number): JsonObject;
  readonly lists: Readonly<Record<string, DumpList>>;
}

const CLUSTER = "envoy.config.cluster.v3.Cluster";
const ENDPOINT = "envoy.config.endpoint.v3.ClusterLoadAssignment";
const LISTENER = "envoy.config.listener.v3.Listener";
const ROUTE = "envoy.config.route.v3.RouteConfiguration";
const EXTENSION = "envoy.config.core.v3.TypedExtensionConfig";
const SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret";

/** What every resource of the control plane has beside its Any. */
const STATE = { version_info: null, last_updated: null, error_state: null, client_status: null };

/** Every section, in Envoy's order. */
export const DUMP_SECTIONS: readonly DumpSection[] = [
  {
    message: "BootstrapConfigDump",
    onlyWithEds: false,
    optional: false,
    fields: ["bootstrap", "last_updated"],
    head: (view, now) => ({ bootstrap: bootstrap(view), last_updated: isoTime(now - view.uptimeMs()) }),
    lists: {},
  },
  {
    message: "ClustersConfigDump",
    onlyWithEds: false,
    optional: false,
    fields: ["version_info"],
    head: (view) => versionInfo(view, "cluster"),
    lists: {
      static_clusters: empty("ClustersConfigDump.StaticCluster", { cluster: CLUSTER, last_updated: null }),
      dynamic_active_clusters: {
        message: "ClustersConfigDump.DynamicCluster",
        fields: { ...STATE, cluster: CLUSTER },
        items: dynamic("cluster", CLUSTER, "cluster", "active"),
      },
      dynamic_warming_clusters: {
        message: "ClustersConfigDump.DynamicCluster",
        fields: { ...STATE, cluster: CLUSTER },
        items: dynamic("cluster", CLUSTER, "cluster", "warming"),
      },
    },
  },
  {
    message: "EcdsConfigDump",
    onlyWithEds: false,
    optional: true,
    fields: [],
    head: () => ({}),
    lists: {
      ecds_filters: {
        message: "EcdsConfigDump.EcdsFilterConfig",
        fields: { ...STATE, ecds_filter: EXTENSION },
        items: dynamic("extension", EXTENSION, "ecds_filter", "active"),
      },
    },
  },
  {
    message: "EndpointsConfigDump",
    onlyWithEds: true,
    optional: false,
    fields: [],
    head: () => ({}),
    lists: {
      static_endpoint_configs: empty("EndpointsConfigDump.StaticEndpointConfig", {
        endpoint_config: ENDPOINT,
        last_updated: null,
      }),
      dynamic_endpoint_configs: {
        message: "EndpointsConfigDump.DynamicEndpointConfig",
        fields: { ...STATE, endpoint_config: ENDPOINT },
        items: endpointConfigs,
      },
    },
  },
  {
    message: "ListenersConfigDump",
    onlyWithEds: false,
    optional: false,
    fields: ["version_info"],
    head: (view) => versionInfo(view, "listener"),
    lists: {
      static_listeners: empty("ListenersConfigDump.StaticListener", { listener: LISTENER, last_updated: null }),
      dynamic_listeners: {
        message: "ListenersConfigDump.DynamicListener",
        fields: {
          name: null,
          active_state: null,
          warming_state: null,
          draining_state: null,
          error_state: null,
          client_status: null,
        },
        items: listenerItems,
      },
    },
  },
  {
    message: "RoutesConfigDump",
    onlyWithEds: false,
    optional: false,
    fields: [],
    head: () => ({}),
    lists: {
      static_route_configs: {
        message: "RoutesConfigDump.StaticRouteConfig",
        fields: { route_config: ROUTE, last_updated: null },
        items: inlineRoutes,
      },
      dynamic_route_configs: {
        message: "RoutesConfigDump.DynamicRouteConfig",
        fields: { ...STATE, route_config: ROUTE },
        items: dynamic("route", ROUTE, "route_config", "active"),
      },
    },
  },
  {
    message: "SecretsConfigDump",
    onlyWithEds: false,
    optional: false,
    fields: [],
    head: () => ({}),
    lists: {
      static_secrets: empty("SecretsConfigDump.StaticSecret", { name: null, last_updated: null, secret: SECRET }),
      dynamic_active_secrets: {
        message: "SecretsConfigDump.DynamicSecret",
        fields: { ...STATE, name: null, secret: SECRET },
        items: secretItems,
      },
      dynamic_warming_secrets: empty("SecretsConfigDump.DynamicSecret", { ...STATE, name: null, secret: SECRET }),
    },
  },
];

/** A list that a workload without a bootstrap file never has anything in. */
function empty(message: string, fields: DumpList["fields"]): DumpList {
  return { message, fields, items: () => [] };
}

function versionInfo(view: AdminView, kind: AdminResourceKind): JsonObject {
  const version = view.lastUpdate(kind)?.version ?? "";
  return version === "" ? {} : { version_info: version };
}

function bootstrap({ node, version, protocol }: AdminView): JsonObject {
  const [major, minor, patch] = version.split(".").map(Number);
  const ads: Json = { ads: {}, resource_api_version: "V3" };
  return {
    node: {
      id: node.id,
      cluster: node.cluster,
      metadata: { ...node.metadata },
      user_agent_name: "enmesh",
      user_agent_build_version: {
        version: { major_number: major ?? 0, minor_number: minor ?? 0, patch: patch ?? 0 },
      },
    },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: { api_type: protocol === "delta" ? "DELTA_GRPC" : "GRPC", transport_api_version: "V3" },
    },
  };
}

/**
 * The items of a list whose message is one state of a resource. What is wrong with the newest version stands beside the
 * state that goes on meanwhile, or by itself where there never was a good one.
 */
function dynamic(
  kind: AdminResourceKind,
  message: string,
  key: string,
  state: "active" | "warming",
): DumpList["items"] {
  return function* items(view, matches) {
    for (const record of view.resources(kind)) {
      if (!matches(record.name)) continue;
      const stored = record[state];
      const beside = record.active === null && record.warming !== null ? "warming" : "active";
      const failure = state === beside ? record.failure : null;
      if (stored === null && failure === null) continue;
      const item = new Map<string, Writable>();
      if (stored !== null) addState(item, message, key, stored);
      addFailure(item, message, failure);
      yield item;
    }
  };
}

function* listenerItems(view: AdminView, matches: (name: string) => boolean): Generator<DumpItem> {
  for (const { name, active, warming, failure } of view.resources("listener")) {
    if (!matches(name)) continue;
    const item = new Map<string, Writable>([["name", name]]);
    for (const [key, stored] of [["active_state", active], ["warming_state", warming]] as const) {
      if (stored === null) continue;
      const state = new Map<string, Writable>();
      addState(state, LISTENER, "listener", stored);
      item.set(key, state);
    }
    addFailure(item, LISTENER, failure);
    yield item;
  }
}

function addState(item: Map<string, Writable>, message: string, key: string, { bytes, stamp }: StoredBytes): void {
  if (stamp.version !== "") item.set("version_info", stamp.version);
  item.set(key, new WireAny(message, bytes));
  item.set("last_updated", isoTime(stamp.at));
}

/** `envoy.admin.v3.UpdateFailureState`, and that the control plane was told. */
function addFailure(item: Map<string, Writable>, message: string, failure: ResourceFailure | null): void {
  if (failure === null) return;
  const { errors, stamp, bytes } = failure;
  const state = new Map<string, Writable>();
  if (bytes !== null) state.set("failed_configuration", new WireAny(message, bytes));
  state.set("last_update_attempt", isoTime(stamp.at));
  state.set("details", errors.join("; "));
  if (stamp.version !== "") state.set("version_info", stamp.version);
  item.set("error_state", state);
  item.set("client_status", "NACKED");
}
