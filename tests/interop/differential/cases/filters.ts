import type { DifferentialCase, JsonObject } from "../case.ts";
import { answer, to } from "../routes.ts";

const FAULT = "envoy.filters.http.fault";
const CORS = "envoy.filters.http.cors";
const FAULT_TYPE = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault";
const FILTER_CONFIG = "type.googleapis.com/envoy.config.route.v3.FilterConfig";
const CORS_TYPES = "type.googleapis.com/envoy.extensions.filters.http.cors.v3";

/** Configuration of a fault filter that always answers with a status. */
const abort = (http_status: number): JsonObject => ({
  "@type": FAULT_TYPE,
  abort: { http_status, percentage: { numerator: 100 } },
});
const fault = (config: JsonObject = { "@type": FAULT_TYPE }, more: JsonObject = {}): JsonObject => ({
  name: FAULT,
  typed_config: config,
  ...more,
});
const perRoute = (config: JsonObject): JsonObject => ({ typed_per_filter_config: { [FAULT]: config } });
const disabled: JsonObject = { "@type": FILTER_CONFIG, disabled: true };
const wrapped = (config: JsonObject, more: JsonObject = {}): JsonObject => ({
  "@type": FILTER_CONFIG,
  config,
  ...more,
});

/** Where filters find their configuration. */
export const FILTER_CASES: readonly DifferentialCase[] = [
  {
    name: "filters: the most specific configuration wins",
    httpFilters: [fault(abort(500))],
    virtualHosts: [
      {
        name: "own",
        domains: ["own.example"],
        ...perRoute(abort(502)),
        routes: [
          {
            match: { prefix: "/cluster" },
            route: { weighted_clusters: { clusters: [{ name: "a", weight: 1, ...perRoute(abort(504)) }] } },
            ...perRoute(abort(503)),
          },
          { ...to("a", { prefix: "/route" }), ...perRoute(abort(503)) },
          to("a"),
        ],
      },
      { name: "all", domains: ["*"], routes: [to("a")] },
    ],
    routeConfig: perRoute(abort(501)),
    requests: [
      { authority: "own.example", path: "/cluster" },
      { authority: "own.example", path: "/route" },
      { authority: "own.example", path: "/" },
      {},
    ],
  },
  {
    name: "filters: configuration of the chain where no route has any",
    httpFilters: [fault(abort(500))],
    routes: [to("a")],
    requests: [{}],
  },
  {
    name: "filters: switched off at each level",
    httpFilters: [fault(abort(500))],
    virtualHosts: [
      {
        name: "own",
        domains: ["own.example"],
        ...perRoute(disabled),
        routes: [{ ...to("a", { prefix: "/on" }), ...perRoute(abort(503)) }, to("a")],
      },
      {
        name: "all",
        domains: ["*"],
        routes: [
          { ...to("a", { prefix: "/off" }), ...perRoute(disabled) },
          {
            match: { prefix: "/cluster" },
            route: { weighted_clusters: { clusters: [{ name: "a", weight: 1, ...perRoute(disabled) }] } },
          },
          to("a"),
        ],
      },
    ],
    requests: [
      { authority: "own.example" },
      { authority: "own.example", path: "/on" },
      { path: "/off" },
      { path: "/cluster" },
      { path: "/" },
    ],
  },
  {
    name: "filters: configuration in a wrapper",
    httpFilters: [fault()],
    routes: [{ ...to("a", { prefix: "/on" }), ...perRoute(wrapped(abort(503))) }, to("a")],
    requests: [{ path: "/on" }, {}],
  },
  {
    name: "filters: switched off in the chain, on by a route",
    httpFilters: [fault(abort(500), { disabled: true })],
    routes: [
      { ...to("a", { prefix: "/own" }), ...perRoute(abort(503)) },
      { ...to("a", { prefix: "/wrapped" }), ...perRoute(wrapped(abort(504))) },
      { ...to("a", { prefix: "/off" }), ...perRoute(disabled) },
      to("a"),
    ],
    requests: [{ path: "/own" }, { path: "/wrapped" }, { path: "/off" }, {}],
  },
  {
    name: "filters: the same filter twice under two names",
    httpFilters: [fault(), { ...fault(), name: "second" }],
    routes: [
      { ...to("a", { prefix: "/first" }), ...perRoute(abort(503)) },
      { ...to("a", { prefix: "/second" }), typed_per_filter_config: { second: abort(504) } },
      to("a"),
    ],
    requests: [{ path: "/first" }, { path: "/second" }, {}],
  },
  {
    name: "filters: configuration of a route that does not forward",
    httpFilters: [fault()],
    routes: [{ ...answer("text"), ...perRoute(abort(503)) }],
    requests: [{}],
  },
  {
    name: "filters: CORS at a route and at a virtual host",
    httpFilters: [{ name: CORS, typed_config: { "@type": `${CORS_TYPES}.Cors` } }],
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      typed_per_filter_config: {
        [CORS]: {
          "@type": `${CORS_TYPES}.CorsPolicy`,
          allow_origin_string_match: [{ exact: "http://host.example" }],
          allow_methods: "GET",
        },
      },
      routes: [
        {
          ...to("a", { prefix: "/own" }),
          typed_per_filter_config: {
            [CORS]: {
              "@type": `${CORS_TYPES}.CorsPolicy`,
              allow_origin_string_match: [{ suffix: ".example" }],
              allow_methods: "GET,POST",
              allow_headers: "x-a",
              expose_headers: "x-b",
              max_age: "60",
              allow_credentials: true,
            },
          },
        },
        to("a"),
      ],
    }],
    requests: ["http://host.example", "http://other.example", "http://elsewhere.org"].flatMap((origin) => [
      { headers: [["origin", origin]] as const },
      { path: "/own", headers: [["origin", origin]] as const },
      { method: "OPTIONS", headers: [["origin", origin], ["access-control-request-method", "GET"]] as const },
      {
        path: "/own",
        method: "OPTIONS",
        headers: [["origin", origin], ["access-control-request-method", "GET"]] as const,
      },
    ]),
  },
  {
    name: "filters: upgrades by the connection manager and by routes",
    routes: [
      to("a", { prefix: "/off" }, { upgrade_configs: [{ upgrade_type: "websocket", enabled: false }] }),
      to("a", { prefix: "/other" }, { upgrade_configs: [{ upgrade_type: "other" }] }),
    ],
    manager: { upgrade_configs: [{ upgrade_type: "WebSocket" }, { upgrade_type: "odd", enabled: false }] },
    requests: [
      { path: "/off", headers: [["connection", "upgrade"], ["upgrade", "websocket"]] },
      { path: "/other", headers: [["connection", "upgrade"], ["upgrade", "odd"]] },
      { path: "/off" },
    ],
  },
];
