import fc from "fast-check";

/** An object some of whose fields are there. */
const some = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] });
const text = fc.constantFrom("a", "x-b", "c.test");
const time = fc.constantFrom("1s", "250ms", "1m30s");
const percent = fc.record({ value: fc.constantFrom(0, 0.0001, 12.5, 100) });
const labels = fc.dictionary(fc.constantFrom("app", "version"), fc.constantFrom("sleep", "v1"), { maxKeys: 2 });
const host = fc.constantFrom("a", "bb", "a.default.svc.cluster.local", "nowhere.test");
const headers = some({
  request: some({
    set: fc.dictionary(text, text),
    add: fc.dictionary(text, text),
    remove: fc.array(text, { maxLength: 2 }),
  }),
  response: some({ set: fc.dictionary(text, text), remove: fc.array(text, { maxLength: 2 }) }),
});
const stringMatch = fc.oneof(
  fc.record({ exact: text }),
  fc.record({ prefix: text }),
  fc.record({ regex: fc.constantFrom(".*", "[a-z]+") }),
);
const named = fc.dictionary(text, fc.oneof(stringMatch, fc.constant({})), { maxKeys: 2 });
const destination = fc.record({
  host,
  subset: fc.constantFrom("s", "t"),
  port: fc.record({ number: fc.constantFrom(80, 81) }),
}, {
  requiredKeys: ["host"],
});
const match = some({
  name: text,
  uri: fc.oneof(
    fc.record({ prefix: fc.constantFrom("/", "/a") }),
    fc.record({ exact: fc.constant("/b") }),
    stringMatch,
  ),
  ignoreUriCase: fc.boolean(),
  scheme: stringMatch,
  method: fc.record({ exact: fc.constantFrom("GET", "POST") }),
  authority: stringMatch,
  headers: named,
  withoutHeaders: named,
  queryParams: named,
  port: fc.constantFrom(80, 81),
  sourceLabels: labels,
  sourceNamespace: fc.constantFrom("default", "shop"),
  gateways: fc.constantFrom([], ["mesh"], ["shop/edge"]),
  statPrefix: text,
});
const shared = {
  name: text,
  match: fc.array(match, { maxLength: 2 }),
  timeout: time,
  headers,
  corsPolicy: some({
    allowOrigins: fc.array(stringMatch, { maxLength: 2 }),
    allowMethods: fc.array(fc.constantFrom("GET", "POST"), { maxLength: 2 }),
    maxAge: fc.constantFrom("1s", "1m30s"),
    allowCredentials: fc.boolean(),
    unmatchedPreflights: fc.constantFrom("FORWARD", "IGNORE"),
  }),
};
const forwarding = fc.record({
  ...shared,
  route: fc.oneof(
    fc.array(fc.record({ destination, headers }), { minLength: 1, maxLength: 1 }),
    fc.array(fc.record({ destination, weight: fc.constantFrom(1, 50) }), { minLength: 2, maxLength: 3 }),
  ),
  rewrite: fc.oneof(
    some({ uri: fc.constant("/n"), authority: text }),
    some({ uriRegexRewrite: fc.constant({ match: "^/(.*)$", rewrite: "/\\1" }), authority: text }),
  ),
  retries: fc.record({
    attempts: fc.integer({ min: 1, max: 5 }),
    perTryTimeout: time,
    retryOn: fc.constantFrom("5xx", "503", "reset,504,connect-failure"),
    retryRemoteLocalities: fc.boolean(),
    retryIgnorePreviousHosts: fc.boolean(),
    backoff: time,
  }, { requiredKeys: ["attempts"] }),
  fault: some({
    delay: fc.record({ fixedDelay: time, percentage: percent }, { requiredKeys: ["fixedDelay"] }),
    abort: fc.record({ httpStatus: fc.constantFrom(418, 503), percentage: percent }, { requiredKeys: ["httpStatus"] }),
  }),
  mirrors: fc.array(fc.record({ destination, percentage: percent }, { requiredKeys: ["destination"] }), {
    maxLength: 2,
  }),
}, { requiredKeys: ["route"] });
const answering = fc.oneof(
  fc.record({
    ...shared,
    redirect: fc.record({
      uri: fc.constant("/to"),
      authority: text,
      scheme: fc.constantFrom("http", "https"),
      port: fc.constantFrom(80, 443, 8443),
      redirectCode: fc.constantFrom(301, 302, 303, 307, 308),
    }, { requiredKeys: ["uri"] }),
  }, { requiredKeys: ["redirect"] }),
  fc.record({
    ...shared,
    directResponse: fc.record({ status: fc.constantFrom(200, 418), body: fc.record({ string: text }) }, {
      requiredKeys: ["status"],
    }),
  }, { requiredKeys: ["directResponse"] }),
);
const virtualService = fc.record({
  hosts: fc.uniqueArray(fc.constantFrom("a", "bb", "*.default.svc.cluster.local", "stray.test"), {
    minLength: 1,
    maxLength: 2,
  }),
  http: fc.array(fc.oneof(forwarding, answering), { minLength: 1, maxLength: 3 }),
});

const policyParts = {
  loadBalancer: fc.oneof(
    some({
      simple: fc.constantFrom("LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "PASSTHROUGH"),
      warmup: fc.record({ duration: time, aggression: fc.constantFrom(1, 2), minimumPercent: fc.constantFrom(0, 50) }, {
        requiredKeys: ["duration"],
      }),
      localityLbSetting: some({ enabled: fc.boolean(), failover: fc.constant([{ from: "a", to: "b" }]) }),
    }),
    fc.record({
      consistentHash: fc.oneof(
        fc.record({ httpHeaderName: text, maglev: fc.constant({ tableSize: 251 }) }),
        fc.record({ httpCookie: fc.record({ name: text, ttl: time }), ringHash: fc.constant({ minimumRingSize: 64 }) }),
        fc.record({ useSourceIp: fc.constant(true) }),
        fc.record({ httpQueryParameterName: text }),
      ),
    }),
  ),
  connectionPool: some({
    tcp: some({ maxConnections: fc.nat(9), connectTimeout: time, idleTimeout: time, maxConnectionDuration: time }),
    http: some({
      http1MaxPendingRequests: fc.nat(9),
      http2MaxRequests: fc.nat(9),
      maxRequestsPerConnection: fc.nat(9),
      maxRetries: fc.nat(9),
      idleTimeout: time,
      maxConcurrentStreams: fc.nat(9),
      h2UpgradePolicy: fc.constantFrom("DEFAULT", "UPGRADE", "DO_NOT_UPGRADE"),
    }),
  }),
  outlierDetection: some({
    consecutive5xxErrors: fc.nat(3),
    consecutiveGatewayErrors: fc.nat(3),
    splitExternalLocalOriginErrors: fc.boolean(),
    interval: time,
    maxEjectionPercent: fc.nat(100),
    minHealthPercent: fc.nat(100),
  }),
  tls: fc.oneof(
    fc.record({ mode: fc.constantFrom("DISABLE", "ISTIO_MUTUAL", "SIMPLE"), sni: text }, { requiredKeys: ["mode"] }),
    fc.record({ mode: fc.constant("MUTUAL"), clientCertificate: fc.constant("/c"), privateKey: fc.constant("/k") }),
  ),
};
const policy = some({
  ...policyParts,
  retryBudget: some({ percent: fc.nat(100), minRetryConcurrency: fc.nat(9) }),
  portLevelSettings: fc.array(
    fc.record({ port: fc.record({ number: fc.constantFrom(80, 82) }), ...policyParts }, {
      requiredKeys: ["port"],
    }),
    { maxLength: 2 },
  ),
});
const destinationRule = fc.record({
  host: fc.constantFrom("a", "bb", "*.local"),
  trafficPolicy: policy,
  subsets: fc.uniqueArray(
    fc.record({ name: fc.constantFrom("s", "t"), labels, trafficPolicy: policy }, { requiredKeys: ["name", "labels"] }),
    { selector: ({ name }) => name, maxLength: 2 },
  ),
}, { requiredKeys: ["host"] });

const document = (kind: string, spec: fc.Arbitrary<unknown>) =>
  fc.record({
    apiVersion: fc.constant("networking.istio.io/v1"),
    kind: fc.constant(kind),
    metadata: fc.record({ name: fc.constantFrom("one", "two"), namespace: fc.constantFrom("default", "shop") }),
    spec,
  });

/** VirtualServices and DestinationRules for services `a` and `bb`, with every field that a mesh of pods can use. */
export const networkingObjects: fc.Arbitrary<Record<string, unknown>[]> = fc.array(
  fc.oneof(document("VirtualService", virtualService), document("DestinationRule", destinationRule)),
  { minLength: 1, maxLength: 4 },
);
