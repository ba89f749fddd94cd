/**
 * Outlier detection and active health checks held against a real Envoy: the same cluster, backends that answer both by
 * the same script, and the health that both show in `/clusters`.
 */
import assert from "node:assert/strict";
import type {
  EnvoyConfigClusterV3OutlierDetection,
  EnvoyConfigCoreV3HealthCheck,
  EnvoyConfigEndpointV3LbEndpoint as LbEndpoint,
} from "../../lib/protobuf/gen/messages.ts";
import { packAny } from "../../lib/protobuf/registry.ts";
import { until } from "../support/until.ts";
import { Backend, type Mode, type Speech } from "../support/backend.ts";
import { endpointOf, type HostStatus, type Pair, withPair } from "./health/pair.ts";

const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/** Long enough that no interval ends within a test that does not wait for it. */
const LONG = { interval: { seconds: 600 }, baseEjectionTime: { seconds: 600 }, maxEjectionTime: { seconds: 600 } };
const count = (value: number) => ({ value });
const ms = (value: number) => ({ nanos: value * 1_000_000 });

async function startBackends(number: number, speech: Speech = "http1"): Promise<Backend[]> {
  return await Promise.all(Array.from({ length: number }, () => Backend.start(speech)));
}

const ejected = (statuses: readonly HostStatus[]) =>
  statuses.map(({ health }, i) => health["failed_outlier_check"] === true ? i : -1).filter((i) => i >= 0);

/** The health flags of both, which have to be the same. */
async function sameHealth({ envoy, ours }: Pair): Promise<HostStatus["health"][]> {
  const theirs = (await envoy.statuses()).map(({ health }) => health);
  assert.deepEqual((await ours.statuses()).map(({ health }) => health), theirs);
  return theirs;
}

/** As many requests through both as there are hosts, so that round robin gives one to each; times `cycles`. */
async function load({ envoy, ours }: Pair, requests: number): Promise<void> {
  for (const side of [envoy, ours]) for (let i = 0; i < requests; i++) await side.send();
}

/** One host fails as the script says, requests one by one; the other answers 200. Who is out after each request? */
async function trace(
  outlierDetection: EnvoyConfigClusterV3OutlierDetection,
  script: readonly Mode[],
): Promise<{ envoy: boolean[]; ours: boolean[] }> {
  const backends = await startBackends(1);
  const seen = { envoy: [] as boolean[], ours: [] as boolean[] };
  const settings = { ...LONG, maxEjectionPercent: count(100), ...outlierDetection };
  await withPair(backends, { outlierDetection: settings }, async (pair) => {
    for (const name of ["envoy", "ours"] as const) {
      for (const mode of script) {
        await backends[0]!.become(mode);
        await pair[name].send();
        seen[name].push(ejected(await pair[name].statuses()).length > 0);
      }
    }
  });
  return seen;
}

const TRACES: readonly {
  readonly what: string;
  readonly settings: EnvoyConfigClusterV3OutlierDetection;
  readonly script: readonly Mode[];
}[] = [
  { what: "consecutive 5xx", settings: { consecutive_5xx: count(3) }, script: [500, 501, 599, 200] },
  {
    what: "5xx with a success in between",
    settings: { consecutive_5xx: count(3) },
    script: [500, 500, 404, 500, 500, 500],
  },
  { what: "Envoy's default of five", settings: {}, script: [503, 503, 503, 503, 503] },
  {
    what: "nothing enforced",
    settings: { consecutive_5xx: count(1), enforcingConsecutive_5xx: count(0) },
    script: [500, 500, 500],
  },
  {
    what: "gateway failures, broken by a 500",
    settings: {
      consecutive_5xx: count(0),
      consecutiveGatewayFailure: count(2),
      enforcingConsecutiveGatewayFailure: count(100),
    },
    script: [502, 500, 503, 501, 503, 504],
  },
  {
    what: "gateway failures are not enforced by default",
    settings: { consecutive_5xx: count(0), consecutiveGatewayFailure: count(2) },
    script: [502, 503, 504],
  },
  {
    what: "refused connections as 5xx",
    settings: { consecutive_5xx: count(3) },
    script: ["refuse", "refuse", "refuse"],
  },
  {
    what: "resets as gateway failures",
    settings: {
      consecutive_5xx: count(0),
      consecutiveGatewayFailure: count(3),
      enforcingConsecutiveGatewayFailure: count(100),
    },
    script: ["reset", 503, "refuse"],
  },
  {
    what: "local failures split off",
    settings: {
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailure: count(2),
      consecutive_5xx: count(2),
    },
    script: ["refuse", 500, "refuse", 200, "refuse", "refuse"],
  },
  {
    what: "resets split off: each had a connection",
    settings: {
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailure: count(2),
      consecutive_5xx: count(2),
    },
    script: ["reset", "reset", "reset"],
  },
  {
    what: "time-outs as gateway failures",
    settings: {
      consecutive_5xx: count(0),
      consecutiveGatewayFailure: count(2),
      enforcingConsecutiveGatewayFailure: count(100),
    },
    script: ["hang", "hang"],
  },
  {
    what: "time-outs split off: each had a connection",
    settings: {
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailure: count(2),
      consecutive_5xx: count(1),
    },
    script: ["hang", "hang", "refuse"],
  },
  {
    what: "answers split off from local failures",
    settings: { splitExternalLocalOriginErrors: true, consecutive_5xx: count(2) },
    script: [500, "refuse", 500],
  },
];

for (const { what, settings, script } of TRACES) {
  Deno.test(`Ejected when Envoy ejects: ${what}`, async () => {
    const { envoy, ours } = await trace(settings, script);
    assert.deepEqual(ours, envoy);
  });
}

for (
  const [hosts, percent, one] of [
    [4, 50, false],
    [3, 10, false],
    [3, 10, true],
    [10, 10, false],
    [5, 79, false],
    [5, 80, false],
    [2, 100, false],
  ] as const
) {
  Deno.test(`As many ejected as in Envoy: ${percent} percent of ${hosts}${one ? ", one always" : ""}`, async () => {
    const backends = await startBackends(hosts);
    const outlierDetection = {
      ...LONG,
      consecutive_5xx: count(1),
      maxEjectionPercent: count(percent),
      alwaysEjectOneHost: { value: one },
    };
    await withPair(backends, { outlierDetection }, async (pair) => {
      for (const backend of backends) await backend.become(500);
      await load(pair, hosts * 3);
      const envoy = ejected(await pair.envoy.statuses()).length;
      assert.equal(ejected(await pair.ours.statuses()).length, envoy);
      assert.equal(envoy, Math.max(one ? 1 : 0, Math.floor(hosts * percent / 100)), "the table of this test is right");
    });
  });
}

Deno.test("A host is back when it is in Envoy: after the base time, or twice that", async () => {
  const backends = await startBackends(2);
  const outlierDetection = {
    consecutive_5xx: count(2),
    maxEjectionPercent: count(100),
    interval: ms(400),
    baseEjectionTime: ms(700),
    enforcingSuccessRate: count(0),
  };
  await withPair(backends, { outlierDetection }, async (pair) => {
    const times: Record<string, number[]> = {};
    for (const name of ["envoy", "ours"] as const) {
      const side = pair[name];
      times[name] = [];
      for (let round = 0; round < 2; round++) {
        await backends[1]!.become(500);
        // At once, for an interval without a failure shortens the next time out; and some more, for a worker of Envoy
        // learns a little later than its admin interface who is back.
        for (let i = 0; i < 8; i++) await side.send();
        assert.deepEqual(ejected(await side.statuses()), [1], name);
        const start = performance.now();
        await backends[1]!.become(200);
        await until(`${name} takes the host back`, async () => ejected(await side.statuses()).length === 0);
        times[name]!.push(performance.now() - start);
      }
    }
    for (const [name, [first, second]] of Object.entries(times)) {
      assert.ok(first! >= 600 && first! < second!, `${name}: ${first}, ${second}`);
      assert.ok(second! >= 1300, `${name}: ${second}`);
    }
  });
});

Deno.test("Success rate and failure percentage eject whom Envoy ejects and show the same rates", async () => {
  for (const kind of ["success rate", "failure percentage"] as const) {
    const backends = await startBackends(6);
    const outlierDetection = {
      consecutive_5xx: count(0),
      maxEjectionPercent: count(100),
      interval: ms(900),
      baseEjectionTime: { seconds: 600 },
      maxEjectionTime: { seconds: 600 },
      successRateMinimumHosts: count(5),
      successRateRequestVolume: count(10),
      enforcingSuccessRate: count(kind === "success rate" ? 100 : 0),
      failurePercentageThreshold: count(60),
      failurePercentageMinimumHosts: count(5),
      failurePercentageRequestVolume: count(10),
      enforcingFailurePercentage: count(kind === "success rate" ? 0 : 100),
    };
    await withPair(backends, { outlierDetection }, async ({ envoy, ours }) => {
      const half = Array.from({ length: 4_000 }, (_, i) => i % 2 === 0 ? 500 : 200);
      await backends[2]!.become(200, half);
      await backends[4]!.become(500);
      for (const [name, side] of [["envoy", envoy], ["ours", ours]] as const) {
        let rates: (number | null)[] = [];
        await until(`${name} ejects by ${kind}`, async () => {
          await Promise.all(Array.from({ length: 60 }, () => side.send()));
          const statuses = await side.statuses();
          if (!ejected(statuses).includes(4)) return false;
          rates = statuses.map(({ successRate }) => successRate);
          return rates[4] !== null;
        });
        assert.deepEqual(ejected(await side.statuses()), [4], name);
        assert.equal(rates[4], 0, name);
        for (const i of [0, 1, 3, 5]) assert.equal(rates[i], 100, name);
        assert.ok(rates[2]! > 35 && rates[2]! < 65, `${name}: ${rates[2]}`);
      }
    });
  }
});

Deno.test("Hosts that say that they are degraded are, for as long as in Envoy", async () => {
  const backends = await startBackends(4);
  const outlierDetection = {
    detectDegradedHosts: { value: true },
    maxEjectionPercent: count(0),
    interval: ms(200),
    baseEjectionTime: ms(700),
    enforcingSuccessRate: count(0),
  };
  await withPair(backends, { outlierDetection }, async (pair) => {
    const degraded = (statuses: readonly HostStatus[]) =>
      statuses.map(({ health }) => health["failed_degraded_outlier_detection"] === true);
    for (const name of ["envoy", "ours"] as const) {
      const side = pair[name];
      backends[2]!.headers = ["x-envoy-degraded", ""];
      await until(`${name} sees it`, async () => {
        await side.send();
        return degraded(await side.statuses())[2]!;
      });
      const start = performance.now();
      const before = backends[2]!.requests.length;
      for (let i = 0; i < 8; i++) await side.send();
      assert.equal(backends[2]!.requests.length, before, "three of four are enough");
      assert.deepEqual(degraded(await side.statuses()), [false, false, true, false]);
      backends[2]!.headers = [];
      await until(`${name} forgets it`, async () => !degraded(await side.statuses())[2]!);
      assert.ok(performance.now() - start >= 600);
    }
    await sameHealth(pair);
  });
});

/** What both show once every host has been checked, after each change of the backends. */
async function checks(
  speech: Speech,
  check: EnvoyConfigCoreV3HealthCheck,
  steps: readonly {
    readonly modes: readonly Mode[];
    readonly healthy: readonly boolean[];
    /** Who fails by taking too long. */
    readonly late?: number;
  }[],
): Promise<void> {
  const backends = await startBackends(steps[0]!.modes.length, speech);
  const fields = {
    healthChecks: [{
      timeout: ms(300),
      interval: ms(50),
      noTrafficInterval: ms(50),
      unhealthyThreshold: count(2),
      healthyThreshold: count(2),
      ...check,
    }],
    ...(speech === "grpc"
      ? {
        typedExtensionProtocolOptions: {
          [OPTIONS]: packAny(OPTIONS, { explicitHttpConfig: { http2ProtocolOptions: {} } }),
        },
      }
      : {}),
  };
  await withPair(backends, fields, async (pair) => {
    for (const [number, { modes, healthy, late = -1 }] of steps.entries()) {
      await Promise.all(backends.map((backend, i) => backend.become(modes[i]!)));
      const wanted = healthy.map((is, i) => ({
        ...(is ? {} : { failed_active_health_check: true }),
        ...(i === late ? { active_hc_timeout: true } : {}),
        eds_health_status: "HEALTHY",
      }));
      for (const [name, side] of [["Envoy", pair.envoy], ["enmesh", pair.ours]] as const) {
        await until(`${name} sees step ${number} as ${JSON.stringify(healthy)}`, async () => {
          const shown = (await side.statuses()).map(({ health }) => health);
          return JSON.stringify(shown.map(sorted)) === JSON.stringify(wanted.map(sorted));
        }, 10_000);
      }
      assert.deepEqual((await sameHealth(pair)).map(sorted), wanted.map(sorted));
    }
  });
}

const sorted = (record: Readonly<Record<string, unknown>>) =>
  Object.entries(record).sort(([one], [other]) => one < other ? -1 : 1);

Deno.test("HTTP health checks see what Envoy sees", async () => {
  await checks("http1", { httpHealthCheck: { path: "/healthz" } }, [
    { modes: [200, 200, 200], healthy: [true, true, true] },
    { modes: [200, 503, 204], healthy: [true, false, false] },
    { modes: ["refuse", 200, 200], healthy: [false, true, true] },
    { modes: ["hang", 200, "reset"], healthy: [false, true, false], late: 0 },
    { modes: [200, 200, 200], healthy: [true, true, true] },
  ]);
});

Deno.test("HTTP health checks with other statuses, content and no connection kept", async () => {
  const httpHealthCheck = {
    path: "/",
    method: "POST",
    send: { text: "00" },
    receive: [{ text: "656c" }],
    expectedStatuses: [{ start: 200, end: 300 }, { start: 418, end: 419 }],
    retriableStatuses: [{ start: 500, end: 501 }],
  };
  await checks("http1", { httpHealthCheck, reuseConnection: { value: false } }, [
    { modes: [418, 299, 500], healthy: [true, true, false] },
    { modes: [500, 300, 200], healthy: [false, false, true] },
  ]);
});

Deno.test("TCP health checks see what Envoy sees", async () => {
  await checks("tcp", { tcpHealthCheck: {} }, [
    { modes: [200, 200], healthy: [true, true] },
    { modes: ["refuse", 500], healthy: [false, true] },
    { modes: [200, 200], healthy: [true, true] },
  ]);
  const tcpHealthCheck = { send: { text: "50494e47" }, receive: [{ text: "504f4e47" }] };
  await checks("tcp", { tcpHealthCheck }, [
    { modes: [200, 200], healthy: [true, true] },
    { modes: ["refuse", 500], healthy: [false, false], late: 1 },
    { modes: [200, 200], healthy: [true, true] },
  ]);
});

Deno.test("gRPC health checks see what Envoy sees", async () => {
  await checks("grpc", { grpcHealthCheck: { serviceName: "shop.Cart" } }, [
    { modes: [200, 200, 200], healthy: [true, true, true] },
    { modes: [200, 503, "refuse"], healthy: [true, false, false] },
    { modes: ["hang", 200, 200], healthy: [false, true, true], late: 0 },
  ]);
});

Deno.test("Draining hosts do not move traffic elsewhere, as in Envoy", async () => {
  for (const how of ["priorities", "locality weights"] as const) {
    const backends = await startBackends(3);
    const [first, draining, other] = backends.map((backend) => endpointOf(backend)) as [
      LbEndpoint,
      LbEndpoint,
      LbEndpoint,
    ];
    const weights = how === "locality weights";
    const fields = {
      commonLbConfig: {
        healthyPanicThreshold: { value: 0 },
        ...(weights ? { localityWeightedLbConfig: {} } : {}),
      },
      loadAssignment: {
        clusterName: "backend",
        endpoints: [
          {
            locality: { zone: "one" },
            lbEndpoints: [first, { ...draining, healthStatus: "DRAINING" }],
            ...(weights ? { loadBalancingWeight: count(1) } : {}),
          },
          {
            locality: { zone: "two" },
            lbEndpoints: [other],
            ...(weights ? { loadBalancingWeight: count(1) } : { priority: 1 }),
          },
        ],
      },
    };
    await withPair(backends, fields, async ({ envoy, ours }) => {
      for (const [name, side] of [["Envoy", envoy], ["enmesh", ours]] as const) {
        const before = backends.map(({ requests }) => requests.length);
        for (let i = 0; i < 60; i++) await side.send();
        const got = backends.map(({ requests }, i) => requests.length - before[i]!);
        assert.deepEqual(got, weights ? [30, 0, 30] : [60, 0, 0], `${name}, ${how}`);
      }
    });
  }
});

for (const ignoreHealthOnHostRemoval of [false, true]) {
  const how = ignoreHealthOnHostRemoval ? "go at once" : "stay while they pass";
  Deno.test(`Hosts that are gone from their assignment ${how}, as in Envoy`, async () => {
    const backends = await startBackends(4);
    const fields = {
      type: "EDS",
      ignoreHealthOnHostRemoval,
      healthChecks: [{
        timeout: ms(300),
        interval: ms(50),
        noTrafficInterval: ms(50),
        unhealthyThreshold: count(1),
        healthyThreshold: count(1),
        httpHealthCheck: { path: "/" },
      }],
    };
    await withPair(backends, fields, async (pair) => {
      const { assign } = pair;
      const unchecked = endpointOf(backends[3]!, { healthCheckConfig: { disableActiveHealthCheck: true } });
      const [first, second, third] = backends.map((backend) => endpointOf(backend)) as [
        LbEndpoint,
        LbEndpoint,
        LbEndpoint,
      ];
      const present = { eds_health_status: "HEALTHY" };
      const failed = { ...present, failed_active_health_check: true };
      const removed = { ...present, pending_dynamic_removal: true };
      const show = async (what: string, wanted: readonly HostStatus["health"][]) => {
        for (const [name, side] of [["Envoy", pair.envoy], ["enmesh", pair.ours]] as const) {
          let shown: unknown;
          await until(`${name} shows ${what}`, async () => {
            shown = (await side.statuses()).map(({ health }) => sorted(health));
            return JSON.stringify(shown) === JSON.stringify(wanted.map(sorted));
          }, 5_000).catch((error) => {
            throw new Error(`${error.message}, which shows ${JSON.stringify(shown)}`);
          });
        }
      };
      await assign([first, second, third, unchecked]);
      await backends[2]!.become(503);
      await show("one that fails", [present, present, failed, present]);
      await assign([first]);
      await show("what is left", [present, ignoreHealthOnHostRemoval ? {} : removed, {}, {}]);
      await backends[1]!.become(503);
      await show("the one that is left", [present, {}, {}, {}]);
      await backends[1]!.become(200);
      await assign([first, second]);
      await show("the one that is back", [present, present, {}, {}]);
    });
  });
}

Deno.test("A host that is new gets a tenth of its share, and all of it after its window, as in Envoy", async () => {
  const backends = await startBackends(2);
  const windowMs = 2_000;
  const fields = {
    type: "EDS",
    roundRobinLbConfig: { slowStartConfig: { slowStartWindow: { seconds: windowMs / 1_000 } } },
  };
  await withPair(backends, fields, async ({ envoy, ours, assign }) => {
    const sides = [["Envoy", envoy], ["enmesh", ours]] as const;
    const known = async (side: typeof envoy) =>
      (await side.statuses()).filter(({ health }) => Object.keys(health).length > 0).length;
    const [first, second] = backends.map((backend) => endpointOf(backend)) as [LbEndpoint, LbEndpoint];
    const passed = () => {
      const end = performance.now() + windowMs + 50;
      return until("the window has passed", () => performance.now() > end);
    };
    const share = async (side: typeof envoy) => {
      const before = backends[1]!.requests.length;
      for (let i = 0; i < 44; i++) await side.send();
      return backends[1]!.requests.length - before;
    };
    await assign([first]);
    for (const [name, side] of sides) await until(`${name} has one host`, async () => await known(side) === 1);
    await passed();
    await assign([first, second]);
    // Meanwhile each side sees the new one for the first time.
    for (const [name, side] of sides) await until(`${name} has both`, async () => await known(side) === 2);
    for (const [name, side] of sides) {
      const got = await share(side);
      assert.ok(got >= 1 && got <= 12, `${name} sent ${got} of 44 to the new host`);
    }
    await passed();
    for (const [name, side] of sides) {
      // Envoy weighs a host anew when it has been chosen: the first round is of the old weights.
      await share(side);
      const got = await share(side);
      assert.ok(got >= 18 && got <= 26, `${name} sent ${got} of 44 to the host that is no longer new`);
    }
  });
});
