/** What outlier detection of a cluster is told of the requests through it. */
import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { OutlierDetection } from "../../lib/resource/cluster.ts";
import { UpstreamAttempt } from "../../lib/upstream/upstream_attempt.ts";
import {
  cluster,
  endpoint,
  healthCheck,
  loadAssignment,
  locality,
  outlierDetection,
} from "../support/resource_objects.ts";
import { FakeUpstream, type Received, request, turn } from "./fake_upstream.ts";

const GRPC = ["content-type", "application/grpc"];

/** Sends one request and tells whether it threw the only host out. */
async function ejects(
  serve: (received: Received, attempt: UpstreamAttempt) => void,
  { headers = [], settings = {} }: { headers?: string[]; settings?: Partial<OutlierDetection> } = {},
): Promise<boolean> {
  const fake = new FakeUpstream({
    clusters: [cluster({
      outlierDetection: outlierDetection({
        consecutive5xx: 1,
        consecutiveLocalOriginFailure: 1,
        maxEjectionPercent: 100,
        ...settings,
      }),
    })],
    assignments: [loadAssignment([locality([endpoint("10.0.0.1", 80)])])],
  });
  const attempt = new UpstreamAttempt();
  fake.onRequest = (received) => serve(received, attempt);
  const target = fake.manager.target("backend")!;
  await target.send(request({ headers: new HeaderList([...headers]) }), attempt).catch(() => {});
  await turn();
  const [host] = target.hosts();
  const { ejected } = host!;
  fake.manager.close();
  return ejected;
}

Deno.test("A gRPC status in the head counts as what it means in HTTP, in the trailers it comes too late", async () => {
  const answer = (status: string) => ejects(({ answer }) => answer(200, ["grpc-status", status]), { headers: GRPC });
  assert.equal(await answer("14"), true, "UNAVAILABLE is 503");
  assert.equal(await answer("4"), true, "DEADLINE_EXCEEDED is 504");
  assert.equal(await answer("12"), true, "UNIMPLEMENTED is 501");
  assert.equal(await answer("5"), false, "NOT_FOUND is 404");
  assert.equal(await answer("0"), false);
  assert.equal(await answer("99"), true, "nobody knows what that is");
  assert.equal(await ejects(({ answer }) => answer(200, ["grpc-status", "14"])), false, "not a gRPC request");
  assert.equal(await ejects(({ answer }) => answer(503, GRPC), { headers: GRPC }), true);
});

Deno.test("Failures count, what is not the host's fault does not", async () => {
  assert.equal(await ejects(({ fail }) => fail("UPSTREAM_REMOTE_RESET")), true);
  assert.equal(await ejects(({ fail }) => fail("UPSTREAM_CONNECTION_TERMINATION")), true);
  const timeout = new MeshError("UPSTREAM_REQUEST_TIMEOUT", "Too late");
  assert.equal(await ejects((_, { exchange }) => exchange.cancel(timeout)), true);
  assert.equal(await ejects((_, { exchange }) => exchange.cancel(new Error("The caller has gone"))), false);
});

Deno.test("A response that breaks off after its head counts against the host, unless the caller gave up", async () => {
  const broken = (error: unknown) =>
    ejects((received, { exchange }) => {
      received.head(200);
      setTimeout(() => exchange.complete(error), 0);
    });
  assert.equal(await broken(new MeshError("UPSTREAM_CONNECTION_TERMINATION", "Closed")), true);
  assert.equal(await broken(new MeshError("UPSTREAM_REQUEST_TIMEOUT", "Too late")), false);
  assert.equal(await broken(new Error("The caller has gone")), false);
  assert.equal(await broken(null), false);
});

Deno.test("A host says it is degraded: only believed where that is configured", async () => {
  for (const detectDegradedHosts of [true, false]) {
    const fake = new FakeUpstream({
      clusters: [cluster({ outlierDetection: outlierDetection({ detectDegradedHosts }) })],
      assignments: [loadAssignment([locality([endpoint("10.0.0.1", 80)])])],
    });
    fake.onRequest = ({ answer }) => answer(200, ["x-envoy-degraded", ""]);
    const target = fake.manager.target("backend")!;
    await target.send(request(), new UpstreamAttempt());
    assert.deepEqual(
      [...target.hosts()].map(({ health }) => health),
      [detectDegradedHosts ? "degraded" : "healthy"],
    );
    fake.manager.close();
  }
});

Deno.test("A cluster of names is used once they are resolved and their addresses checked", async () => {
  const fake = new FakeUpstream({
    clusters: [cluster({
      type: "strict_dns",
      edsServiceName: null,
      loadAssignment: loadAssignment([locality([endpoint("db.example", 80)])]),
      healthCheck: healthCheck(),
    })],
  });
  fake.names.set("db.example", { addresses: ["10.1.0.1", "10.1.0.2"], ttlMs: null });
  const paths: string[] = [];
  fake.onRequest = ({ request, connection, answer }) => {
    paths.push(`${request.path} ${connection.info.remote.hostname}`);
    answer(connection.info.remote.hostname === "10.1.0.1" ? 200 : 503);
  };
  const target = fake.manager.target("backend")!;
  assert.equal((await target.send(request(), new UpstreamAttempt())).status, 200);
  assert.deepEqual(paths, ["/healthz 10.1.0.1", "/healthz 10.1.0.2", "/ 10.1.0.1"]);
  fake.manager.close();
  assert.equal(fake.clock.pendingTimers, 0);
});
