/** HTTP/1.1 between two enmesh peers travels over one HTTP/2 connection, and nothing but the wire shows it. */
import assert from "node:assert/strict";
import { peerAuthentication } from "../support/peer_authentication.ts";
import { MeshRig } from "../support/mesh_rig.ts";

const IN_FLIGHT = 20;

/** What a caller and a server saw of a burst of requests that are all under way at once. */
interface Seen {
  /** Ports the connections came from. */
  readonly connections: number;
  /** Lines of the request counter on both sides, without what differs from run to run. */
  readonly metrics: readonly string[];
  /** Headers the application saw, without those that differ from request to request. */
  readonly headers: readonly string[];
}

const DIFFERENT = new Set(["x-request-id", "x-forwarded-client-cert"]);

async function burst(multiplex: { readonly caller: boolean; readonly server: boolean }): Promise<Seen> {
  let seen: Seen | undefined;
  await MeshRig.use(async (rig) => {
    const ports = new Set<number>();
    const all = Promise.withResolvers<void>();
    let arrived = 0;
    let headers: string[] = [];
    const { mesh } = await rig.serve("web", async (request, info) => {
      ports.add(info.remoteAddr.port);
      headers = [...request.headers].filter(([name]) => !DIFFERENT.has(name)).map((pair) => pair.join(": "));
      if (++arrived === IN_FLIGHT) all.resolve();
      await all.promise;
      return new Response(`${info.peer?.principal} ${await request.text()}`);
    }, { workload: { join: { multiplex: multiplex.server } } });
    const caller = await rig.join("caller", { join: { multiplex: multiplex.caller } });
    const answers = await Promise.all(Array.from({ length: IN_FLIGHT }, async (_, i) => {
      const response = await caller.fetch("http://web.default/", { method: "POST", body: `${i}` });
      return await response.text();
    }));
    assert.deepEqual(answers, answers.map((_, i) => `spiffe://cluster.local/ns/default/sa/caller ${i}`));
    const requests = (metrics: string) =>
      metrics.split("\n").filter((line) => line.startsWith("istio_requests_total{"));
    seen = {
      connections: ports.size,
      metrics: [...requests(caller.metrics()), ...requests(mesh.metrics())],
      headers: headers.sort(),
    };
  });
  return seen!;
}

Deno.test("two enmesh peers share one connection, whatever is under way, and nobody sees a difference", async () => {
  const carried = await burst({ caller: true, server: true });
  assert.equal(carried.connections, 1);
  const plain = await burst({ caller: false, server: false });
  assert.equal(plain.connections, IN_FLIGHT);
  assert.deepEqual(carried.metrics, plain.metrics);
  assert.deepEqual(carried.headers, plain.headers);
  assert.match(carried.metrics.join("\n"), /reporter="destination"[^\n]*request_protocol="http"[^\n]* 20/);
});

Deno.test("a peer that does not know the carrier is spoken to in HTTP/1.1, with a connection a request", async () => {
  for (const multiplex of [{ caller: true, server: false }, { caller: false, server: true }]) {
    const { connections } = await burst(multiplex);
    assert.equal(connections, IN_FLIGHT, JSON.stringify(multiplex));
  }
});

Deno.test("a carried connection that is drained loses no request", async () => {
  await MeshRig.use(async (rig) => {
    const ports: number[] = [];
    await rig.serve("web", (_request, info) => {
      ports.push(info.remoteAddr.port);
      return new Response("ok");
    });
    const caller = await rig.join("caller");
    for (let i = 0; i < 10; i++) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => caller.fetch("http://web.default/")));
      for (const answer of answers) assert.equal(await answer.text(), "ok");
      // A new mode replaces the filter chain: the server asks its connections to go (GOAWAY).
      rig.istiod.apply(peerAuthentication(i % 2 === 0 ? "STRICT" : "PERMISSIVE"));
      await rig.istiod.settled();
    }
    assert.ok(new Set(ports).size > 1, "the server replaced its connections");
  });
});
