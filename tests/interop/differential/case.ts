import { httpListener, ROUTER } from "../http_listener.ts";

/** JSON in Envoy's form: field names with underscores, `@type` in an `Any`, durations as text. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** An object of {@linkcode Json}. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** One request of a case. Both sides get the same one. */
export interface CaseRequest {
  /** @default {"GET"} */
  readonly method?: string;
  /** What `host` says; `{port}` stands for the port of the listener. @default {"test.example"} */
  readonly authority?: string;
  /** Path and query as on the wire. @default {"/"} */
  readonly path?: string;
  /** More headers, in order; names lower case. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Content, with a `content-length`. */
  readonly body?: string;
  /** Content without a length, each chunk on the wire once `CaseGate` lets it; in place of `body`. */
  readonly chunks?: readonly string[];
  /** Trailers after `chunks`; names lower case. */
  readonly trailers?: readonly (readonly [name: string, value: string])[];
  /**
   * What backends do at the first, second, ... attempt; the last one repeats. Each is a list of words with spaces
   * between: a status, `reset` (close without an answer), `cut` (close within the content), `delay:ms`, `empty` (no
   * content), `name=value` (a response header), `trailer:name=value` (of the backend `h2`), `chunk:text` (content
   * of several chunks without a length). Mirrored requests do not count. A handshake of a WebSocket is answered at once,
   * and each frame is sent back after the delay.
   *
   * @default {["200"]}
   */
  readonly script?: readonly string[];
  /** What backends do at a mirrored copy: one attempt of a script. @default {"200"} */
  readonly mirrorScript?: string;
  /** Sends it over HTTP/2, so that trailers arrive. @default {false} */
  readonly http2?: boolean;
  /** Opens a WebSocket, sends that text and closes; the body of the answer is what came back. */
  readonly webSocket?: string;
  /** Least and most milliseconds until the answer, on each side. */
  readonly within?: readonly [least: number, most: number];
  /** Least and most milliseconds between the arrivals of an attempt and the next, on each side. */
  readonly pauses?: readonly (readonly [least: number, most: number])[];
  /** Sends it that often, one after the other. @default {1} */
  readonly times?: number;
  /** Sends them at the same time: outcomes are compared in the order of their status. @default {false} */
  readonly together?: boolean;
  /** Sends the cookies that earlier answers of this case have set. @default {false} */
  readonly cookies?: boolean;
  /**
   * - `exact`: each repetition has the same outcome on both sides.
   * - `proportions`: the shares of the backends are alike, and what arrives at each of them is.
   * - `stickiness`: names of backends count only in so far as the same ones or others are met.
   *
   * @default {"exact"}
   */
  readonly compare?: "exact" | "proportions" | "stickiness";
}

/** A configuration with requests that have the same outcome in Envoy and in enmesh. Plain data. */
export interface DifferentialCase {
  /** Unique; `topic: what it shows`. */
  readonly name: string;
  /** Routes of one virtual host with the domain `*`: the short form. */
  readonly routes?: readonly JsonObject[];
  /** Virtual hosts, in place of `routes`. */
  readonly virtualHosts?: readonly JsonObject[];
  /** More fields of the `RouteConfiguration`. */
  readonly routeConfig?: JsonObject;
  /** More fields of the `HttpConnectionManager`, over those of {@linkcode caseListener}. */
  readonly manager?: JsonObject;
  /** HTTP filters before the router. */
  readonly httpFilters?: readonly JsonObject[];
  /** Clusters beside those of every case; names are unique over the whole suite. A `port_value` may name a backend. */
  readonly clusters?: readonly JsonObject[];
  readonly requests: readonly CaseRequest[];
  /**
   * Whether both sides must refuse the configuration, so that there is nobody to answer; `alike` where both may.
   *
   * @default {false}
   */
  readonly refused?: boolean | "alike";
}

/**
 * Names of the backends; `h2` and `refusing` speak HTTP/2, and a `reset` of the latter says REFUSED_STREAM; `mute` takes
 * connections and never says a word, `dead` is a port where nobody listens, the others speak HTTP/1.1.
 */
export const BACKENDS = ["a", "b", "c", "d", "e", "h2", "refusing", "mute", "dead"] as const;

/** Name of a backend. */
export type BackendName = typeof BACKENDS[number];

/** The listener of a case at an address, in the settings istiod gives the outbound listeners of a sidecar. */
export function caseListener(it: DifferentialCase, name: string, address: string, port: number): JsonObject {
  return httpListener(name, {
    port,
    address,
    traffic_direction: "OUTBOUND",
    manager: {
      stat_prefix: "differential",
      route_config: {
        name: "differential",
        virtual_hosts: it.virtualHosts ?? [{ name: "all", domains: ["*"], routes: it.routes ?? [] }],
        ...it.routeConfig,
      },
      http_filters: [...it.httpFilters ?? [], ROUTER],
      stream_idle_timeout: "0s",
      normalize_path: true,
      ...it.manager,
    },
  });
}

/** A cluster over backends, by name. */
export function cluster(name: string, backends: readonly string[], more: JsonObject = {}): JsonObject {
  return {
    name,
    type: "STATIC",
    connect_timeout: "5s",
    // As istiod has it: Envoy's own limit of three retries at a time would let cases disturb each other.
    circuit_breakers: { thresholds: [{ max_retries: 4_294_967_295 }] },
    load_assignment: {
      cluster_name: name,
      endpoints: [{
        lb_endpoints: backends.map((backend) => ({
          endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: backend } } },
        })),
      }],
    },
    ...more,
  };
}

const HTTP2: JsonObject = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

/** Clusters that every case may name: one for each backend, and some over several. */
export const COMMON_CLUSTERS: readonly JsonObject[] = [
  ...BACKENDS.map((name) => cluster(name, [name], name === "h2" || name === "refusing" ? HTTP2 : {})),
  cluster("empty", []),
  cluster("pair", ["a", "b"], { lb_policy: "ROUND_ROBIN" }),
  cluster("ring", ["a", "b", "c", "d", "e"], { lb_policy: "RING_HASH" }),
  cluster("maglev", ["a", "b", "c", "d", "e"], { lb_policy: "MAGLEV" }),
];

/** The configuration with names of backends replaced by their ports. */
export function resolvePorts<T extends Json>(json: T, ports: Readonly<Record<string, number>>): T {
  const walk = (value: Json, key: string): Json => {
    if (Array.isArray(value)) return value.map((item: Json) => walk(item, ""));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item as Json, key)]));
    }
    if (key !== "port_value" || typeof value !== "string") return value;
    const port = ports[value];
    if (port === undefined) throw new Error(`Cannot use port_value '${value}': there is no backend of that name`);
    return port;
  };
  return walk(json, "") as T;
}
