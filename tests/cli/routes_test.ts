/** `enmesh routes` against an embedded control plane: what a request would meet, and what is wrong with bad ones. */
import assert from "node:assert/strict";
import { runCli } from "../../lib/cli/run_cli.ts";
import type { RequestExplanation } from "../../lib/cli/routes/request_explanation.ts";
import { FakeIstiod, type FakeIstiodOptions } from "../../lib/testing/mod.ts";

const pod = (version: string, address: string) => `
apiVersion: v1
kind: Pod
metadata: { name: reviews-${version}, namespace: default, labels: { app: reviews, version: ${version}, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: reviews }
status: { podIP: ${address} }
`;

const MESH = `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: default }
spec:
  clusterIP: 10.96.0.1
  selector: { app: reviews }
  ports: [{ name: http, port: 9080 }, { name: tcp-raw, port: 7000 }]
---
apiVersion: v1
kind: Service
metadata: { name: empty, namespace: default }
spec: { clusterIP: 10.96.0.2, selector: { app: empty }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: reviews-a, namespace: default, labels: { kubernetes.io/service-name: reviews } }
addressType: IPv4
endpoints:
  - { addresses: [10.1.0.2], conditions: { ready: true }, targetRef: { kind: Pod, name: reviews-v1, namespace: default } }
  - { addresses: [10.1.0.3], conditions: { ready: true }, targetRef: { kind: Pod, name: reviews-v2, namespace: default } }
ports: [{ name: http, port: 9080 }, { name: tcp-raw, port: 7000 }]
---${pod("v1", "10.1.0.2")}---${pod("v2", "10.1.0.3")}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec:
  host: reviews
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }, { name: v3, labels: { version: v3 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec:
  hosts: [reviews]
  http:
    - name: testers
      match: [{ headers: { end-user: { exact: jason } }, uri: { prefix: /v2 } }]
      route: [{ destination: { host: reviews, subset: v2 }, headers: { request: { set: { x-tester: "yes" } } } }]
      timeout: 3s
    - match: [{ uri: { exact: /old } }]
      redirect: { uri: /new }
    - match: [{ uri: { exact: /v3 } }]
      route: [{ destination: { host: reviews, subset: v3 } }]
    - name: stars
      match: [{ uri: { prefix: /v1/ } }]
      rewrite: { uri: /, authority: stars.internal }
      route:
        - { destination: { host: reviews, subset: v1 }, weight: 90 }
        - { destination: { host: reviews, subset: v2 }, weight: 10 }
      retries: { attempts: 3, perTryTimeout: 500ms, retryOn: "5xx,reset" }
      mirror: { host: reviews, subset: v2 }
      mirrorPercentage: { value: 12.5 }
    - name: rest
      match: [{ method: { exact: GET } }]
      route: [{ destination: { host: reviews, subset: v1 } }]
`;

interface Run {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

async function onMesh(
  test: (run: (...args: string[]) => Promise<Run>) => Promise<void>,
  options: FakeIstiodOptions & { color?: boolean; terminal?: boolean } = {},
): Promise<void> {
  const { color = false, terminal = true, ...istiodOptions } = options;
  await using istiod = await FakeIstiod.start(istiodOptions);
  istiod.apply(MESH);
  const join = { ...istiod.workload({ name: "client-1", ip: "127.0.0.1" }), besideSidecar: true };
  await test(async (...args) => {
    const out: string[] = [];
    const err: string[] = [];
    const code = await runCli(["routes", ...args], {
      output: (line) => void out.push(line),
      error: (line) => void err.push(line),
      terminal,
      color,
      join,
      random: () => 0,
    });
    return { code, out, err };
  });
}

Deno.test("a request of the mesh: every decision in its order, with what was passed over and why", async () => {
  await onMesh(async (run) => {
    const { code, out, err } = await run("http://reviews:9080/v1/stars?x=1", "-H", "x-envoy-max-retries: 9");
    assert.deepEqual([code, err], [0, []]);
    assert.deepEqual(out, [
      "GET http://reviews:9080/v1/stars?x=1",
      "address       10.96.0.1",
      "listener      0.0.0.0_9080, which takes every address on port 9080",
      out[3]!,
      "stripped      header 'x-envoy-max-retries': only a proxy may set it",
      "routes        9080",
      "virtual host  reviews.default.svc.cluster.local:9080, by domain 'reviews' (exact)",
      "              not allow_any: its domain '*' (any) is less specific",
      "route         1 of 5 'testers' is passed over: path prefix '/v2' does not match '/v1/stars'",
      "              2 of 5 is passed over: exact path '/old' does not match '/v1/stars'",
      "              3 of 5 is passed over: exact path '/v3' does not match '/v1/stars'",
      "              4 of 5 'stars' is taken: path prefix '/v1/'",
      "split         90% to outbound|9080|v1|reviews.default.svc.cluster.local, drawn this time",
      "              10% to outbound|9080|v2|reviews.default.svc.cluster.local",
      "rewrite       host 'reviews:9080' to 'stars.internal'",
      "              path '/v1/stars?x=1' to '/stars?x=1'",
      "request       header 'x-envoy-original-host' is added: 'reviews:9080'",
      "              header 'x-envoy-original-path' is added: '/v1/stars?x=1'",
      "timeout       none",
      "retries       3 on 5xx, reset, each attempt 500 ms at most",
      "mirror        12.5% of requests to outbound|9080|v2|reviews.default.svc.cluster.local",
      "cluster       outbound|9080|v1|reviews.default.svc.cluster.local (eds, least_request, 1 endpoint, healthy)",
      "endpoint      10.1.0.2:9080, mutual TLS to 'outbound_.9080_.v1_.reviews.default.svc.cluster.local'",
    ]);
    assert.match(out[3]!, /^filter chain {2}HTTP through .*envoy\.filters\.http\.fault/);
  });
});

Deno.test("headers and methods decide as they do in the data path; http:// may be left out", async () => {
  await onMesh(async (run) => {
    const explain = async (...args: string[]): Promise<RequestExplanation> => {
      const { out } = await run("--json", ...args);
      assert.equal(out.length, 1);
      return JSON.parse(out[0]!);
    };
    const tester = await explain("reviews:9080/v2/x", "--header=end-user: jason");
    assert.deepEqual(tester.routes.map(({ name, taken }) => [name, taken]), [["testers", true]]);
    assert.equal(tester.endpoint?.address, "10.1.0.3:9080");
    assert.ok(tester.outcome?.kind === "forward" && tester.outcome.timeoutMs === 3000);
    assert.deepEqual(tester.outcome.requestHeaders, [{ name: "x-tester", before: null, after: "yes" }]);
    const other = await explain("reviews:9080/v2/x", "-Hend-user: bob");
    assert.equal(other.routes[0]!.reason, "header 'end-user' is 'bob', wanted exact 'jason'");
    assert.equal(other.routes.at(-1)!.name, "rest");
    const redirect = await explain("http://reviews:9080/old");
    assert.deepEqual(redirect.outcome, { kind: "redirect", status: 301, location: "http://reviews:9080/new" });
    const raw = await explain("http://reviews:7000/");
    assert.deepEqual(raw.listener?.why, "has the address 10.96.0.1:7000");
    assert.equal(raw.outcome?.kind, "tcp");
    assert.equal(raw.endpoint?.transport, "mutual TLS");
  });
});

/** Arguments, the problem, the next step. */
const NOWHERE: readonly [readonly string[], RegExp, RegExp][] = [
  [
    ["http://reviews:9080/x", "-X", "POST"],
    /None of the 5 routes of virtual host 'reviews\.default.*' matches: 404/,
    /VirtualServices/,
  ],
  [["http://reviews:9080/v3"], /Cluster 'outbound\|9080\|v3\|.*' has no endpoints: 503/, /labels of the subset/],
  [["http://empty:9080/"], /has no endpoints: 503/, /selects running pods/],
  [["http://reveiws.default:9080/"], /REGISTRY_ONLY/, /Did you mean 'reviews\.default'\?/],
  [["http://reviews/"], /REGISTRY_ONLY/, /The mesh knows 'reviews' on port 9080/],
  [["https://reviews:9080/"], /REGISTRY_ONLY/, /Use http:/],
  [["http://elsewhere.example/"], /REGISTRY_ONLY/, /Add a ServiceEntry/],
];

Deno.test("a request that would get nowhere: why, what to do next, exit code 1", async (t) => {
  await onMesh(async (run) => {
    for (const [args, problem, next] of NOWHERE) {
      await t.step(args.join(" "), async () => {
        const { code, out } = await run(...args);
        assert.equal(code, 1);
        const text = out.join("\n");
        const end = text.slice(text.indexOf("\nproblem: "));
        assert.match(end.split("\n")[1]!, problem, text);
        assert.match(end.split("\n")[2] ?? "", next, text);
      });
    }
  }, { outboundTrafficPolicy: "REGISTRY_ONLY", terminal: false });
});

Deno.test("what nobody knows goes out as it is where the mesh allows it, with a word of warning", async () => {
  await onMesh(async (run) => {
    const { code, out } = await run("http://192.0.2.7:4711/");
    assert.equal(code, 0);
    assert.match(out.join("\n"), /^endpoint {6}192\.0\.2\.7:4711, plaintext$/m);
    assert.match(out.join("\n"), /^note .*goes out as it is/m);
  });
});

Deno.test("colours are around the text, and what comes from outside cannot write to the terminal", async () => {
  await onMesh(async (run) => {
    const { out } = await run("http://reviews:9080/v2", "-H", "end-user: a\x1b[2J");
    // deno-lint-ignore no-control-regex -- these are looked for
    const plain = out.join("\n").replace(/\x1b\[\d*m/g, "");
    // deno-lint-ignore no-control-regex -- as above
    assert.ok(!/\x1b/.test(plain), plain);
    assert.ok(out.some((line) => line.startsWith("route         \x1b[90m1 of 5")), out.join("\n"));
  }, { color: true });
});

/** Arguments that cannot be used, and what is said. */
const WRONG: readonly [readonly string[], string][] = [
  [[], "Cannot explain a route without a URL: see enmesh routes --help"],
  [["ftp://reviews"], "Cannot explain 'ftp://reviews': scheme 'ftp' is not routed as HTTP; use http:// or https://"],
  [["http://"], "Cannot explain 'http://': it is no URL; write one as http://reviews:9080/path"],
  [["http://a:99999/"], "Cannot explain 'http://a:99999/': it is no URL; write one as http://reviews:9080/path"],
  [["http://a", "http://b"], "Cannot use argument 'http://b': one URL is explained at a time"],
  [["http://a", "-H", "nonsense"], "Cannot use header 'nonsense': it must be 'name: value'"],
  [["http://a", "-H"], "Cannot use '-H': a value is missing, see enmesh routes --help"],
  [["http://a", "-X", "B D"], "Cannot use method 'B D': it is no method, as GET or POST are"],
  [["http://a", "--yaml"], "Cannot use argument '--yaml': see enmesh routes --help"],
];

Deno.test("arguments that cannot be used are named, before anything is joined", async () => {
  for (const [args, message] of WRONG) {
    const err: string[] = [];
    const settings = { output: () => assert.fail(), error: (line: string) => void err.push(line) };
    const code = await runCli(["routes", ...args], { ...settings, terminal: false, color: false, join: { env: {} } });
    assert.deepEqual([code, err], [1, [message]]);
  }
});

Deno.test("without a mesh: every problem, and where to look further", async () => {
  const err: string[] = [];
  const settings = { output: () => assert.fail(), error: (line: string) => void err.push(line) };
  const code = await runCli(["routes", "http://a"], { ...settings, terminal: false, color: false, join: { env: {} } });
  assert.equal(code, 1);
  assert.match(err[0]!, /^Cannot join the mesh: \d problems were found$/);
  assert.ok(err.some((line) => /^ {2}.*POD_NAME.*\(next: /.test(line)), err.join("\n"));
  assert.match(err.at(-1)!, /enmesh doctor/);
});

Deno.test("help", async () => {
  const out: string[] = [];
  const settings = { output: (line: string) => void out.push(line), error: () => assert.fail() };
  assert.equal(await runCli(["routes", "--help"], { ...settings, terminal: false, color: false }), 0);
  for (const word of ["URL", "-H", "-X", "--json", "Example:"]) assert.ok(out[0]!.includes(word));
});
