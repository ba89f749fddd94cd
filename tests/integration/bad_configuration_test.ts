/**
 * Bad configuration of every kind, from a control plane that is trusted: each resource is refused by its name with every
 * reason, its last good version stays, the rest of the push applies, and the control plane shows it as an error.
 */
import assert from "node:assert/strict";
import { loadBootstrap } from "../../lib/bootstrap/bootstrap.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { MeshRuntime } from "../../lib/mesh_runtime.ts";
import { encode, type MessageName, packAny as pack } from "../../lib/protobuf/registry.ts";
import { FakeIstiod } from "../../lib/testing/mod.ts";
import { LogBook, TYPE } from "../support/mesh_rig.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { syncStatus } from "../support/sync_status.ts";

// deno-lint-ignore no-explicit-any -- bad messages are what this is about: no type would let them through
type Bad = any;

const bytesOf = encode as (name: MessageName, message: Bad) => Uint8Array;
const any = pack as (name: MessageName, message: Bad) => object;

type Kind = "cluster" | "endpoint" | "route" | "listener";

const at = (address: string, portValue: Bad = 80) => ({ socketAddress: { address, portValue } });
const endpoints = (...addresses: Bad[]) => [{
  lbEndpoints: addresses.map((address) => ({ endpoint: { address } })),
}];
const ADS = { ads: {}, resourceApiVersion: "V3" };
const TCP = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
const MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = { name: "router", typedConfig: any("envoy.extensions.filters.http.router.v3.Router", {}) };

const tcp = (config: Bad) => ({ name: "tcp", typedConfig: any(TCP, { statPrefix: "x", ...config }) });
const http = (config: Bad) => ({
  name: "http",
  typedConfig: any(MANAGER, {
    statPrefix: "x",
    rds: { configSource: ADS, routeConfigName: "victim" },
    httpFilters: [ROUTER],
    ...config,
  }),
});
const chains = (...filters: Bad[]) => ({ filterChains: [{ filters }] });
const withRoute = (route: Bad) => ({ virtualHosts: [{ name: "v", domains: ["*"], routes: [route] }] });
const action = (route: Bad) => withRoute({ match: { prefix: "/" }, route });
const matching = (match: Bad) => withRoute({ match, route: { cluster: "c" } });
const weighted = (...clusters: Bad[]) => action({ weightedClusters: { clusters } });

/** The good version of each kind; `n` makes it another one. */
const GOOD: Record<Kind, (n: number) => Bad> = {
  cluster: (n) => ({
    type: "STATIC",
    connectTimeout: { seconds: n + 1 },
    loadAssignment: { clusterName: "x", endpoints: endpoints(at("127.0.0.1")) },
  }),
  endpoint: (n) => ({ endpoints: endpoints(at("127.0.0.1", n + 1)) }),
  listener: (n) => ({
    address: at("10.9.9.9", n + 1),
    trafficDirection: "OUTBOUND",
    ...chains(tcp({ cluster: `c${n}` })),
  }),
  route: (n) => action({ cluster: `c${n}` }),
};

const MESSAGES = {
  cluster: ["envoy.config.cluster.v3.Cluster", "name"],
  endpoint: ["envoy.config.endpoint.v3.ClusterLoadAssignment", "clusterName"],
  listener: ["envoy.config.listener.v3.Listener", "name"],
  route: ["envoy.config.route.v3.RouteConfiguration", "name"],
} as const;

/** What is bad, the fields that are changed, and every reason that must be told. */
const CASES: readonly [kind: Kind, what: string, fields: Bad, reasons: readonly RegExp[]][] = [
  ["cluster", "an unknown type", { type: 77 }, [/'type'.*'77'/]],
  ["cluster", "an unknown load balancer", { lbPolicy: 99 }, [/'lb_policy'.*'99'/]],
  ["cluster", "a load balancer of another type", { lbPolicy: "CLUSTER_PROVIDED" }, [/'lb_policy'/]],
  ["cluster", "no time to connect", { connectTimeout: {} }, [/'connect_timeout': it must be above 0/]],
  ["cluster", "a negative duration", { connectTimeout: { seconds: -3 } }, [/'connect_timeout'.*'-3s'/]],
  ["cluster", "no host name where an IP must be", {
    loadAssignment: { clusterName: "x", endpoints: endpoints(at("not-an-ip")) },
  }, [/IP address.*'not-an-ip'/]],
  ["cluster", "two endpoints of a logical name", {
    type: "LOGICAL_DNS",
    loadAssignment: { clusterName: "x", endpoints: endpoints(at("a.example"), at("b.example")) },
  }, [/LOGICAL_DNS must have one endpoint.*'2'/]],
  ["cluster", "endpoints of an original destination", { type: "ORIGINAL_DST", lbPolicy: "CLUSTER_PROVIDED" }, [
    /ORIGINAL_DST cannot have it/,
  ]],
  ["cluster", "EDS from nowhere", { type: "EDS" }, [/'eds_cluster_config'/]],
  ["cluster", "a ring upside down", {
    lbPolicy: "RING_HASH",
    ringHashLbConfig: { minimumRingSize: { value: 2048 }, maximumRingSize: { value: 16 } },
  }, [/minimum_ring_size.*'2048'/]],
  ["cluster", "a table that is no prime", { lbPolicy: "MAGLEV", maglevLbConfig: { tableSize: { value: 100 } } }, [
    /prime number.*'100'/,
  ]],
  ["cluster", "TLS that is none", {
    transportSocket: {
      name: "tls",
      typedConfig: {
        typeUrl: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        value: new Uint8Array([0xff]),
      },
    },
  }, [/'transport_socket.typed_config'/]],
  ["cluster", "several things at once", {
    type: 77,
    connectTimeout: { seconds: -1 },
    lbPolicy: 99,
    dnsRefreshRate: { seconds: -2 },
  }, [/'type'/, /'connect_timeout'/, /'lb_policy'/, /'dns_refresh_rate'/]],
  ["endpoint", "no IP address", { endpoints: endpoints(at("nowhere")) }, [/IP address.*'nowhere'/]],
  ["endpoint", "a port out of range", { endpoints: endpoints(at("127.0.0.1", 70_000)) }, [/port_value.*'70000'/]],
  ["endpoint", "a port by name", {
    endpoints: endpoints({ socketAddress: { address: "127.0.0.1", namedPort: "http" } }),
  }, [/named_port.*'http'/]],
  ["endpoint", "no address at all", { endpoints: [{ lbEndpoints: [{ endpoint: {} }] }] }, [/it must hold an address/]],
  ["endpoint", "an unknown health", {
    endpoints: [{ lbEndpoints: [{ healthStatus: 44, endpoint: { address: at("127.0.0.1") } }] }],
  }, [/health_status.*'44'/]],
  ["endpoint", "several things at once", { endpoints: endpoints(at("a"), at("127.0.0.1", 99_999)) }, [
    /'a'/,
    /'99999'/,
  ]],
  ["route", "no action", withRoute({ match: { prefix: "/" } }), [/it must have an action/]],
  ["route", "no match", withRoute({ route: { cluster: "c" } }), [
    /'virtual_hosts\[0\]\.routes\[0\]\.match': it must be given/,
  ]],
  ["route", "a match of nothing", matching({}), [/it must say which paths match/]],
  ["route", "a pattern that is not RE2", matching({ safeRegex: { regex: "(?=x)" } }), [
    /RE2 does not accept it.*'\(\?=x\)'/,
  ]],
  ["route", "a domain twice", { virtualHosts: [{ name: "a", domains: ["x"] }, { name: "b", domains: ["x"] }] }, [
    /'a' has it too.*'x'/,
  ]],
  ["route", "a format that is none", {
    requestHeadersToAdd: [{ header: { key: "a", value: "%REQ(x" } }],
    virtualHosts: [{ name: "a", domains: ["x"] }],
  }, [/request_headers_to_add\[0\]\.header\.value.*'%REQ\(x'/]],
  ["route", "no domains", { virtualHosts: [{ name: "a" }] }, [/domains': it must not be empty/]],
  ["route", "weights of nothing", weighted({ name: "a", weight: { value: 0 } }, { name: "b", weight: { value: 0 } }), [
    /must not all be 0/,
  ]],
  [
    "route",
    "weights beyond all bounds",
    weighted({ name: "a", weight: { value: 4_294_967_295 } }, { name: "b", weight: { value: 4_294_967_295 } }),
    [/add up/],
  ],
  ["route", "no cluster", action({}), [/must name a cluster/]],
  [
    "route",
    "two rewrites",
    action({ cluster: "c", prefixRewrite: "/a", regexRewrite: { pattern: { regex: "a" }, substitution: "b" } }),
    [/regex_rewrite.*prefix_rewrite/],
  ],
  [
    "route",
    "a header that nobody may change",
    withRoute({
      match: { prefix: "/" },
      route: { cluster: "c" },
      requestHeadersToAdd: [{ header: { key: ":path", value: "/" } }],
    }),
    [/may not be changed.*':path'/],
  ],
  [
    "route",
    "a back-off upside down",
    action({
      cluster: "c",
      retryPolicy: { retryOn: "5xx", retryBackOff: { baseInterval: { seconds: 9 }, maxInterval: { seconds: 1 } } },
    }),
    [/base_interval/],
  ],
  ["route", "a hash of nothing", action({ cluster: "c", hashPolicy: [{}] }), [/what to hash/]],
  ["route", "several things at once", {
    virtualHosts: [{
      name: "v",
      domains: [],
      routes: [{ match: {} }, { match: { safeRegex: { regex: "[" } }, route: { cluster: "c" } }],
    }],
  }, [/domains/, /routes\[0\].*which paths/, /routes\[0\].*action/, /routes\[1\].*RE2/]],
  ["listener", "no chains", { filterChains: [] }, [/'filter_chains': it must not be empty/]],
  ["listener", "a TCP proxy to nowhere", chains(tcp({ weightedClusters: {} })), [/clusters': it must not be empty/]],
  ["listener", "a filter behind the last one", chains(tcp({ cluster: "a" }), tcp({ cluster: "b" })), [
    /must be the last one/,
  ]],
  [
    "listener",
    "no filter that ends the chain",
    chains({ name: "metadata", typedConfig: any("envoy.tcp.metadataexchange.config.MetadataExchange", {}) }),
    [/must follow the last one/],
  ],
  [
    "listener",
    "a configuration that is none",
    chains({
      name: "tcp",
      typedConfig: { typeUrl: `type.googleapis.com/${TCP}`, value: new Uint8Array([0xff, 0xff]) },
    }),
    [new RegExp(TCP.replaceAll(".", "\\."))],
  ],
  [
    "listener",
    "HTTP without a router",
    chains(
      http({ httpFilters: [{ name: "cors", typedConfig: any("envoy.extensions.filters.http.cors.v3.Cors", {}) }] }),
    ),
    [/router/],
  ],
  ["listener", "a router that is not the last", chains(http({ httpFilters: [ROUTER, ROUTER] })), [
    /the router must be the last filter/,
  ]],
  ["listener", "HTTP without routes", chains(http({ rds: undefined })), [/routes must be given/]],
  ["listener", "two chains for the same", {
    filterChains: [{ filters: [tcp({ cluster: "a" })] }, { filters: [tcp({ cluster: "b" })] }],
  }, [/matches the same/]],
  ["listener", "a server name with a star inside", {
    filterChains: [{ filterChainMatch: { serverNames: ["a.*.b"] }, filters: [tcp({ cluster: "a" })] }],
  }, [/server_names.*'a\.\*\.b'/]],
  ["listener", "a prefix that does not fit", {
    filterChains: [{
      filterChainMatch: { prefixRanges: [{ addressPrefix: "10.0.0.0", prefixLen: { value: 99 } }] },
      filters: [tcp({ cluster: "a" })],
    }],
  }, [/10\.0\.0\.0\/99/]],
  ["listener", "a route in place that is bad", chains(http({ rds: undefined, routeConfig: matching({}) })), [
    /route_config\..*which paths/,
  ]],
  ["listener", "several things at once", {
    filterChains: [{ filterChainMatch: { serverNames: ["*x"] }, filters: [tcp({ weightedClusters: {} })] }, {
      filters: [tcp({ cluster: "a" }), tcp({ cluster: "b" })],
    }],
  }, [/server_names/, /clusters/, /filter_chains\[1\]/]],
];

/** Joined, with resources named `victim` and `sibling` of every kind. */
class Rig {
  readonly istiod: FakeIstiod;
  readonly mesh: MeshRuntime;
  readonly log: LogBook;
  #n = 1;

  private constructor(istiod: FakeIstiod, mesh: MeshRuntime, log: LogBook) {
    this.istiod = istiod;
    this.mesh = mesh;
    this.log = log;
  }

  static async use(test: (rig: Rig) => Promise<void>): Promise<void> {
    await using istiod = await FakeIstiod.start();
    const eds = (name: string) => ({
      name: `eds-${name}`,
      value: {
        name: `eds-${name}`,
        type: "EDS",
        connectTimeout: { seconds: 1 },
        edsClusterConfig: { edsConfig: ADS, serviceName: name },
      },
    });
    const rds = (name: string, port: number) => ({
      name: `rds-${name}`,
      value: {
        name: `rds-${name}`,
        address: at("10.9.9.8", port),
        trafficDirection: "OUTBOUND",
        ...chains(http({ rds: { configSource: ADS, routeConfigName: name } })),
      },
    });
    for (const kind of ["route", "endpoint"] as const) {
      istiod.push(
        TYPE[kind],
        NAMES.map((name) => resource(kind, name, GOOD[kind](0))),
      );
    }
    istiod.push(TYPE.cluster, [...NAMES.map((name) => resource("cluster", name, GOOD.cluster(0))), ...NAMES.map(eds)]);
    istiod.push(TYPE.listener, [
      ...NAMES.map((name) => resource("listener", name, GOOD.listener(0))),
      ...NAMES.map(rds),
    ]);
    const log = new LogBook();
    const bootstrap = await loadBootstrap({
      ...istiod.workload({ name: "w" }),
      admin: { port: 0 },
      besideSidecar: true,
      logger: log,
    });
    const mesh = new MeshRuntime({ bootstrap, logger: log, clock: systemClock, random: Math.random });
    try {
      await mesh.join(null);
      await istiod.settled();
      await test(new Rig(istiod, mesh, log));
    } finally {
      await mesh.close({ drain: 0 });
    }
  }

  /** What is in use under a name, as bytes. */
  bytes(kind: Kind, name: string): Uint8Array {
    return this.mesh.store.records.list(kind).find((record) => record.name === name)!.active!.bytes;
  }

  /** Pushes a version of `victim`, good or bad, with a new version of `sibling`, and waits until all is answered. */
  async push(kind: Kind, victim: Bad): Promise<{ siblingApplied: boolean }> {
    const sibling = resource(kind, "sibling", GOOD[kind](++this.#n));
    this.istiod.push(TYPE[kind], [victim, sibling]);
    await this.istiod.settled();
    const applied = this.bytes(kind, "sibling");
    const expected = new Uint8Array(bytesOf(MESSAGES[kind][0], sibling.value));
    return { siblingApplied: applied.length === expected.length && applied.every((byte, i) => byte === expected[i]) };
  }

  /** What the control plane says of us, by type. */
  async status(): Promise<Record<string, string>> {
    const statuses = await syncStatus({
      address: this.istiod.discoveryAddress,
      roots: this.istiod.rootCertificates,
      token: await this.istiod.tokens.mint({ namespace: "default", serviceAccount: "asker" }),
      namespace: "default",
    });
    return statuses.entries().find(([id]) => id.includes("~w.default~"))![1];
  }
}

const NAMES = ["victim", "sibling"];

function resource(kind: Kind, name: string, fields: Bad): { name: string; value: Bad } {
  return { name, value: { [MESSAGES[kind][1]]: name, ...fields } };
}

const STATUS_KEYS: Record<Kind, string> = {
  cluster: "Cluster",
  endpoint: "ClusterLoadAssignment",
  route: "RouteConfiguration",
  listener: "Listener",
};

/** Exempt from the sanitizers: grpc-js, which asks for the status, lets go of its timers after its session has closed. */
const UNSANITIZED = { sanitizeOps: false, sanitizeResources: false };

Deno.test("bad resources are refused by name with every reason; the rest goes on", UNSANITIZED, async (t) => {
  await Rig.use(async (rig) => {
    for (const [kind, what, fields, reasons] of CASES) {
      await t.step(`${kind}: ${what}`, async () => {
        const good = resource(kind, "victim", GOOD[kind](0));
        await rig.push(kind, good);
        const before = rig.bytes(kind, "victim");
        const refused = rig.istiod.nacks.length;
        const { siblingApplied } = await rig.push(kind, { ...good, value: { ...good.value, ...fields } });

        const nack = rig.istiod.nacks.at(-1);
        assert.ok(rig.istiod.nacks.length > refused && nack !== undefined, "it was refused");
        assert.equal(nack.typeUrl, TYPE[kind]);
        assert.match(nack.message, /victim/);
        assert.doesNotMatch(nack.message, /sibling/);
        for (const reason of reasons) assert.match(nack.message, reason);
        assert.deepEqual(rig.bytes(kind, "victim"), before, "the last good version stays");
        assert.ok(siblingApplied, "the rest of the push applies");
        const record = rig.mesh.store.records.list(kind).find(({ name }) => name === "victim")!;
        for (const reason of reasons) assert.match(record.failure!.errors.join("; "), reason);
      });
    }
  });
});

Deno.test(
  "a refused resource shows as an error, in syncz and in the dump, until a good one comes",
  UNSANITIZED,
  async () => {
    await Rig.use(async (rig) => {
      const bad: Record<Kind, Bad> = {
        cluster: { type: 77 },
        endpoint: { endpoints: endpoints(at("a")) },
        route: action({}),
        listener: { filterChains: [] },
      };
      for (const kind of ["cluster", "endpoint", "route", "listener"] as const) {
        assert.equal((await rig.status())[STATUS_KEYS[kind]], "SYNCED", kind);
        const good = resource(kind, "victim", GOOD[kind](0));
        await rig.push(kind, { ...good, value: { ...good.value, ...bad[kind] } });
        const status = await rig.status();
        assert.equal(status[STATUS_KEYS[kind]], "ERROR", kind);
        for (const other of Object.values(STATUS_KEYS)) {
          if (other !== STATUS_KEYS[kind]) assert.equal(status[other], "SYNCED", other);
        }
        if (kind !== "endpoint") {
          const lists = {
            cluster: "dynamic_active_clusters",
            route: "dynamic_route_configs",
            listener: "dynamic_listeners",
          };
          const { configs } = await (await fetch(
            `http://127.0.0.1:${rig.mesh.ports.admin}/config_dump?resource=${lists[kind]}&name_regex=victim`,
          )).json();
          assert.equal(configs.length, 1);
          assert.equal(configs[0].client_status, "NACKED");
          assert.match(configs[0].error_state.details, /Cannot use/);
          assert.match(configs[0].error_state.failed_configuration["@type"], /envoy\.config\./);
          assert.ok(
            kind === "listener" ? configs[0].active_state : configs[0].last_updated,
            "the last good one is shown too",
          );
        }
        await rig.push(kind, good);
      }
      assert.deepEqual(new Set(Object.values(await rig.status())), new Set(["SYNCED", "UNKNOWN"]));
    });
  },
);

Deno.test(
  "bytes that are no message at all, and messages with bytes changed, never crash anything",
  UNSANITIZED,
  async () => {
    await Rig.use(async (rig) => {
      const random = seededRandom(20261128);
      const pick = (below: number) => Math.floor(random() * below);
      for (let round = 0; round < 120; round++) {
        const kind = (["cluster", "endpoint", "route", "listener"] as const)[round % 4]!;
        const good = bytesOf(MESSAGES[kind][0], resource(kind, "victim", GOOD[kind](round)).value);
        const bytes = new Uint8Array(good);
        if (round % 3 === 0) { for (let i = 0; i < bytes.length; i++) bytes[i] = pick(256); }
        else for (let i = 0; i < 1 + pick(4); i++) bytes[pick(bytes.length)] = pick(256);
        const value = round % 3 === 2 ? bytes.subarray(0, pick(bytes.length)) : bytes;
        const { siblingApplied } = await rig.push(kind, { name: "victim", value: new Uint8Array(value) });
        assert.ok(siblingApplied, `round ${round}: ${kind} ${value.toHex()}`);
        assert.ok(rig.bytes(kind, "victim").length > 0);
        // Whatever was accepted can be shown, and used.
        const dump = await fetch(`http://127.0.0.1:${rig.mesh.ports.admin}/config_dump?include_eds`);
        assert.ok((await dump.json()).configs.length > 0);
      }
      for (const kind of ["cluster", "endpoint", "route", "listener"] as const) {
        await rig.push(kind, resource(kind, "victim", GOOD[kind](0)));
      }
      assert.equal(
        rig.log.lines.filter(({ message }) => /Internal|undefined|is not a function/.test(message)).length,
        0,
        String(rig.log),
      );
    });
  },
);
