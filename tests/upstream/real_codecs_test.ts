/** The cluster manager on the real codecs, both ends in memory. */
import assert from "node:assert/strict";
import { BytesBody, readAll } from "../../lib/http/body.ts";
import type { HttpServerConnection } from "../../lib/http/codec.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { connectHttp1 } from "../../lib/http/http1/client_connection.ts";
import { serveHttp1 } from "../../lib/http/http1/server_connection.ts";
import { connectHttp2 } from "../../lib/http/http2/client_connection.ts";
import { serveHttp2 } from "../../lib/http/http2/server_connection.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { ClusterManager } from "../../lib/upstream/cluster_manager.ts";
import { UpstreamAttempt } from "../../lib/upstream/upstream_attempt.ts";
import { cluster, endpoint, loadAssignment, locality } from "../support/resource_objects.ts";
import { streamPair } from "../support/stream_pair.ts";
import { FakeUpstream, request, turn } from "./fake_upstream.ts";

for (const protocol of ["http1", "http2"] as const) {
  Deno.test(`${protocol}: fifty requests at once with bodies, then an idle pool drains`, async () => {
    const clock = new FakeClock();
    const options = { clock, logger: silentLogger };
    const servers: HttpServerConnection[] = [];
    const configuration = new FakeUpstream({
      clusters: [cluster({ http: { ...cluster().http, protocol, idleTimeoutMs: 1000 } })],
      assignments: [loadAssignment([locality([endpoint("10.0.0.1", 80)])])],
    });
    const manager = new ClusterManager({
      source: configuration,
      secrets: { certificate: () => null, trustBundle: () => null, subscribe: () => () => {} },
      connector: {
        connect: () => {
          const [client, server] = streamPair();
          const serve = protocol === "http1" ? serveHttp1 : serveHttp2;
          servers.push(serve(server, async (received) => {
            const content = await readAll(received.body);
            const headers = new HeaderList(["x-path", received.path]);
            return { status: 200, headers, body: new BytesBody(content!) };
          }, options));
          return Promise.resolve(client);
        },
      },
      streamTls: { start: () => Promise.reject(new Error("No TLS in a fake stream")) },
      codecs: {
        http1: (stream) => connectHttp1(stream, options),
        http2: (stream) => connectHttp2(stream, options),
      },
      resolve: () => Promise.reject(new Error("No such name")),
      clock,
      random: () => 0,
      logger: silentLogger,
    });
    const target = manager.target("backend")!;
    const send = async (i: number) => {
      const content = new TextEncoder().encode(`body ${i}`);
      const attempt = new UpstreamAttempt();
      const response = await target.send(
        request({ method: "POST", path: `/${i}`, body: new BytesBody(content) }),
        attempt,
      );
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("x-path"), `/${i}`);
      assert.deepEqual(await readAll(response.body), content);
      await new Promise<void>((resolve) => attempt.exchange.onComplete(() => resolve()));
    };
    for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 50 }, (_, i) => send(i)));
    assert.equal(servers.length, protocol === "http1" ? 50 : 1, "connections are used again");
    const { resources } = target;
    assert.deepEqual([resources.requests.count, resources.pendingRequests.count], [0, 0]);
    await clock.advance(2000);
    assert.equal(resources.connections.count, 0);
    manager.close();
    await Promise.all(servers.map(({ closed }) => closed));
    await turn();
  });
}
