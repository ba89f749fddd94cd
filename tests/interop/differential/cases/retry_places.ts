import { cluster, type DifferentialCase, type Json, type JsonObject } from "../case.ts";
import { to, typed } from "../routes.ts";

const FAST = { base_interval: "0.001s", max_interval: "0.002s" };
const GRPC = [["content-type", "application/grpc"], ["te", "trailers"]] as const;
const HOST = "envoy.extensions.retry.host";

/** Endpoints in priorities, with metadata for `envoy.lb`. */
function places(
  name: string,
  groups: readonly (readonly (readonly [backend: string, lb?: JsonObject])[])[],
): JsonObject {
  return cluster(name, [], {
    lb_policy: "ROUND_ROBIN",
    load_assignment: {
      cluster_name: name,
      endpoints: groups.map((group, priority) => ({
        priority,
        lb_endpoints: group.map(([backend, lb]): Json => ({
          endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: backend } } },
          ...(lb === undefined ? {} : { metadata: { filter_metadata: { "envoy.lb": lb } } }),
        })),
      })),
    },
  });
}

function retrying(cluster: string, policy: JsonObject): readonly JsonObject[] {
  return [
    to(cluster, { prefix: "/" }, {
      timeout: "0s",
      retry_policy: {
        retry_on: "5xx,connect-failure",
        num_retries: 3,
        retry_back_off: FAST,
        host_selection_retry_max_attempts: 20,
        ...policy,
      },
    }),
  ];
}

const priorities = (update_frequency: number) => ({
  retry_priority: typed(
    "envoy.retry_priorities.previous_priorities",
    "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
    { update_frequency },
  ),
});

const PLACES: readonly DifferentialCase[] = [
  ...[1, 2].map((frequency): DifferentialCase => ({
    name: `retries: priorities tried before are left after ${frequency}`,
    clusters: [places(`three-priorities-${frequency}`, [[["a"]], [["b"]], [["c"]]])],
    routes: retrying(`three-priorities-${frequency}`, priorities(frequency)),
    requests: [{ script: ["503"] }, { script: ["503", "200"] }, { script: ["200"] }],
  })),
  {
    name: "retries: priorities, when each has been tried",
    clusters: [places("two-priorities", [[["a"]], [["b"]]])],
    routes: retrying("two-priorities", { ...priorities(1), num_retries: 4 }),
    requests: [{ script: ["503"] }],
  },
  {
    name: "retries: never at a canary",
    clusters: [places("canaries", [[["a", { canary: true }], ["b"], ["c", { canary: true }]]])],
    routes: retrying("canaries", {
      retry_host_predicate: [
        typed("envoy.retry_host_predicates.omit_canary_hosts", `${HOST}.omit_canary_hosts.v3.OmitCanaryHostsPredicate`),
      ],
    }),
    requests: [{ script: ["503", "503", "200"], times: 60, compare: "proportions" }],
  },
  {
    name: "retries: never at hosts with certain metadata",
    clusters: [
      places("versions", [[["a", { version: "1" }], ["b", { version: "2" }], ["c", { version: "1", x: "y" }]]]),
    ],
    routes: retrying("versions", {
      retry_host_predicate: [
        typed(
          "envoy.retry_host_predicates.omit_host_metadata",
          `${HOST}.omit_host_metadata.v3.OmitHostMetadataConfig`,
          {
            metadata_match: { filter_metadata: { "envoy.lb": { version: "1" } } },
          },
        ),
      ],
    }),
    requests: [{ script: ["503", "503", "200"], times: 60, compare: "proportions" }],
  },
];

const STREAMS: readonly DifferentialCase[] = [
  ...["refused-stream", "reset", "5xx", "gateway-error", "reset-before-request", "connect-failure"].map((
    retry_on,
  ): DifferentialCase => ({
    name: `retries: a stream that is refused, under ${retry_on}`,
    routes: [to("refusing", { prefix: "/" }, { retry_policy: { retry_on, num_retries: 2, retry_back_off: FAST } })],
    requests: [{ script: ["reset", "200"] }, { script: ["reset"] }, {
      method: "POST",
      headers: GRPC,
      body: "x",
      script: ["reset", "200"],
    }],
  })),
  ...["refused-stream", "reset", "5xx", "connect-failure"].map((retry_on): DifferentialCase => ({
    name: `retries: a stream that is cancelled, under ${retry_on}`,
    routes: [to("h2", { prefix: "/" }, { retry_policy: { retry_on, num_retries: 2, retry_back_off: FAST } })],
    requests: [{ script: ["reset", "200"] }, { script: ["reset"] }],
  })),
  ...["cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"].map((
    retry_on,
  ): DifferentialCase => ({
    name: `retries: gRPC ${retry_on}, statuses in trailers and in heads`,
    routes: [to("h2", { prefix: "/" }, { retry_policy: { retry_on, retry_back_off: FAST } })],
    requests: [1, 4, 8, 13, 14].flatMap((status) =>
      [
        `200 empty grpc-status=${status}`,
        `200 empty trailer:grpc-status=${status}`,
        `200 trailer:grpc-status=${status}`,
      ]
        .map((step) => ({
          method: "POST",
          headers: GRPC,
          body: "x",
          http2: true,
          script: [step, "200 trailer:grpc-status=0"],
        }))
    ),
  })),
];

const limited = (reset_headers: readonly JsonObject[], more: JsonObject = {}) =>
  [
    to("a", { prefix: "/" }, {
      timeout: "0s",
      retry_policy: {
        retry_on: "5xx",
        retry_back_off: FAST,
        rate_limited_retry_back_off: { reset_headers, max_interval: "3s", ...more },
      },
    }),
  ] as const;

const PAUSES: readonly DifferentialCase[] = [
  {
    name: "retries: the pause that a reset header asks for",
    routes: limited([{ name: "retry-after" }]),
    requests: [
      // From what is asked for to one and a half of it.
      { script: ["503 retry-after=1", "200"], pauses: [[1000, 1700]] },
      { script: ["503", "200"], pauses: [[0, 500]] },
      { script: ["503 retry-after=60", "200"], pauses: [[0, 500]] },
      { script: ["503 retry-after=0", "200"], pauses: [[0, 500]] },
      { script: ["503 retry-after=-1", "200"], pauses: [[0, 500]] },
    ],
  },
  {
    name: "retries: the pause that ends at a point in time",
    routes: limited([{ name: "x-reset", format: "UNIX_TIMESTAMP" }]),
    requests: [
      { script: ["503 x-reset=1000000000", "200"], pauses: [[0, 500]] },
      { script: ["503 x-reset=99999999999", "200"], pauses: [[0, 500]] },
    ],
  },
  {
    name: "retries: pauses grow",
    routes: [
      to("a", { prefix: "/" }, {
        timeout: "0s",
        retry_policy: {
          retry_on: "5xx",
          num_retries: 3,
          retry_back_off: { base_interval: "0.1s", max_interval: "0.2s" },
        },
      }),
    ],
    requests: [{ script: ["503"], pauses: [[0, 300], [0, 400], [0, 400]] }],
  },
];

/** Where and when requests are tried again. */
export const RETRY_PLACE_CASES: readonly DifferentialCase[] = [...PLACES, ...STREAMS, ...PAUSES];
