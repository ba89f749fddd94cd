import type { OutcomeCase, OutcomeTable } from "./outcome_table.ts";
import { at, cluster, HTTPBIN, mutual } from "./parts.ts";

const STATIC = "static.example.test";
/** Endpoints of the static host: the labelled one takes mutual TLS, the other does not. */
const staticEndpoints = (port: number) => [
  { address: `198.51.100.22:${port}`, locality: "east/east-1", weight: 1, transport: "plaintext" },
  {
    address: `198.51.100.21:${port}`,
    locality: "west/west-1",
    localityWeight: 3,
    weight: 3,
    transport: mutual(`outbound_.${port}_._.${STATIC}`, "default/sa/static"),
  },
];

/** Hosts outside the mesh, under whichever policy for the rest. */
const KNOWN: readonly OutcomeCase[] = [
  {
    request: "https://api.dns.example.test/",
    expect: {
      clusters: [{ name: cluster("api.dns.example.test", 443), weight: 1 }],
      settings: { type: "strict_dns", dns: { respectTtl: true, family: "v4_only" } },
      endpoints: at("api.dns.example.test:443"),
      transport: "plaintext",
    },
  },
  {
    request: "http://api.dns.example.test/a",
    expect: {
      cluster: cluster("api.dns.example.test", 80),
      settings: { type: "strict_dns", outlierDetection: null },
      endpoints: at("api.dns.example.test:80"),
      transport: "plaintext",
    },
  },
  {
    request: "http://rr.dns.example.test/",
    expect: {
      cluster: cluster("rr.dns.example.test", 80),
      settings: { type: "logical_dns" },
      endpoints: at("origin.example.test:8080"),
    },
  },
  {
    request: "http://static.example.test:8080/",
    expect: {
      listener: "240.1.2.3:8080",
      cluster: cluster(STATIC, 8080),
      endpoints: staticEndpoints(8080),
      settings: { type: "eds" },
    },
  },
  { request: "http://240.1.2.3:8080/", expect: { cluster: cluster(STATIC, 8080), authority: "240.1.2.3:8080" } },
  {
    request: "tcp://static.example.test:5000",
    expect: { tcp: "240.1.2.3:5000", clusters: [{ name: cluster(STATIC, 5000) }], endpoints: staticEndpoints(5000) },
  },
  {
    request: "https://passthrough.example.test:8443/",
    expect: { clusters: [{ name: cluster("passthrough.example.test", 8443) }], settings: { type: "original_dst" } },
  },
  {
    request: "http://passthrough.example.test:8088/",
    expect: { cluster: cluster("passthrough.example.test", 8088), settings: { type: "original_dst" } },
  },
  {
    request: "https://a.wild.example.test/",
    expect: { clusters: [{ name: cluster("*.wild.example.test", 443) }], settings: { type: "original_dst" } },
  },
  {
    request: "http://b.wild.example.test/",
    expect: { virtualHost: "*.wild.example.test:80", cluster: cluster("*.wild.example.test", 80) },
  },
  {
    request: "http://c.dyn.example.test/",
    expect: { cluster: cluster("*.dyn.example.test", 80), settings: { type: "dynamic_forward_proxy" } },
  },
  {
    request: "http://secure.example.test/login",
    expect: {
      cluster: cluster("secure.example.test", 80),
      settings: { http: { autoSni: true, autoSanValidation: true }, metadata: { istio: { alpn_override: "false" } } },
      endpoints: at("secure.example.test:443"),
      transport: { sni: "", alpn: [], certificates: [], trust: { kind: "system" } },
    },
  },
  { request: "http://httpbin:8000/", expect: { cluster: cluster(HTTPBIN, 8000) } },
];

/** Everything unknown passes through. */
export const EXTERNAL: OutcomeTable = {
  recording: "external/sleep",
  fake: null,
  cases: [
    ...KNOWN,
    // Exported to its own namespace only: unknown here.
    {
      request: "http://private.example.test/",
      expect: { virtualHost: "allow_any", cluster: "PassthroughCluster", retry: null, timeoutMs: 0 },
    },
    { request: "http://nobody.example.test/", expect: { virtualHost: "allow_any", cluster: "PassthroughCluster" } },
    { request: "https://nobody.example.test/", expect: { clusters: [{ name: "PassthroughCluster" }] } },
    { request: "tcp://198.51.100.9:4321", expect: { clusters: [{ name: "PassthroughCluster" }] } },
  ],
};

/** The same for a client that captures DNS. */
export const EXTERNAL_DNS: OutcomeTable = { recording: "external/sleep-dns", fake: null, cases: EXTERNAL.cases };

/** Everything unknown is refused. */
export const EXTERNAL_REGISTRY_ONLY: OutcomeTable = {
  recording: "external-registry-only/sleep",
  // The fake knows the services of the mesh and no hosts outside it.
  fake: {
    without: /^kind: (ServiceEntry|DestinationRule)/m,
    skip: /(?<!nobody|private)\.example\.test|240\./,
    registryOnly: true,
  },
  cases: [
    ...KNOWN,
    {
      request: "http://private.example.test/",
      expect: { virtualHost: "block_all", answer: { status: 502, body: "" } },
    },
    { request: "http://nobody.example.test/", expect: { virtualHost: "block_all", answer: { status: 502 } } },
    { request: "https://nobody.example.test/", expect: { clusters: [{ name: "BlackHoleCluster" }] } },
    { request: "tcp://198.51.100.9:4321", expect: { clusters: [{ name: "BlackHoleCluster" }], endpoints: [] } },
  ],
};
