import assert from "node:assert/strict";
import type {
  EnvoyServiceDiscoveryV3DiscoveryRequest as Request,
  EnvoyServiceDiscoveryV3DiscoveryResponse as Response,
} from "../../lib/protobuf/gen/messages.ts";
import { decode, encode } from "../../lib/protobuf/registry.ts";
import type { Received } from "../../lib/xds/discovery_machine.ts";
import type { ResourceError } from "../../lib/xds/resource_sink.ts";
import { SotwMachine } from "../../lib/xds/sotw.ts";
import { TYPE_URLS } from "../../lib/xds/type_urls.ts";
import { FakeSource } from "./fake_source.ts";
import { exchanges } from "./recording.ts";

const { CDS, EDS, LDS, RDS, NDS } = TYPE_URLS;
const NODE = { id: "sidecar~10.0.0.1~sleep.default~default.svc.cluster.local" };

function response(typeUrl: string, nonce: string, names: readonly string[], versionInfo = `v-${nonce}`): Response {
  const body = (name: string) =>
    typeUrl === EDS
      ? encode("envoy.config.endpoint.v3.ClusterLoadAssignment", { clusterName: name })
      : encode("envoy.config.cluster.v3.Cluster", { name });
  return { typeUrl, nonce, versionInfo, resources: names.map((name) => ({ typeUrl, value: body(name) })) };
}

function update(received: Received) {
  assert.equal(received.kind, "update");
  return received as Extract<Received, { kind: "update" }>;
}

function answer(machine: SotwMachine, message: Response, errors: readonly ResourceError[] = []): Request[] {
  const { ticket, errors: found } = update(machine.received(message));
  return machine.applied(ticket, [...found, ...errors]);
}

Deno.test("CLOSED => OPEN: node once; the name table is asked for without a name", () => {
  const machine = new SotwMachine(new FakeSource({ [LDS]: "*", [NDS]: "*" }));
  assert.deepEqual(machine.opened(NODE), [
    { node: NODE, typeUrl: LDS, resourceNames: ["*"] },
    { typeUrl: NDS },
  ]);
});

Deno.test("ANSWERED: an ACK repeats the names and carries version and nonce; new names follow it", () => {
  const source = new FakeSource({ [EDS]: ["a"] });
  const machine = new SotwMachine(source);
  machine.opened(NODE);
  const { ticket } = update(machine.received(response(EDS, "n1", ["a"])));
  source.set(EDS, ["a", "b"]);
  assert.deepEqual(machine.changed(), [], "not while the response is being applied");
  assert.deepEqual(machine.applied(ticket, []), [
    { typeUrl: EDS, resourceNames: ["a"], versionInfo: "v-n1", responseNonce: "n1" },
    { typeUrl: EDS, resourceNames: ["a", "b"], versionInfo: "v-n1", responseNonce: "n1" },
  ]);
});

Deno.test("ANSWERED: names asked for with a stale nonce are asked for again with the next ACK", () => {
  const source = new FakeSource({ [EDS]: ["a"] });
  const machine = new SotwMachine(source);
  machine.opened(NODE);
  answer(machine, response(EDS, "n1", ["a"]));
  source.set(EDS, ["a", "b"]);
  assert.equal(machine.changed()[0]!.responseNonce, "n1");
  // The server had sent n2 before it saw that request, and ignored it.
  assert.deepEqual(answer(machine, response(EDS, "n2", ["a"])), [
    { typeUrl: EDS, resourceNames: ["a", "b"], versionInfo: "v-n2", responseNonce: "n2" },
  ]);
});

Deno.test("ANSWERED: a NACK carries the last good version, the nonce and every error", () => {
  const machine = new SotwMachine(new FakeSource({ [CDS]: "*" }));
  machine.opened(NODE);
  answer(machine, response(CDS, "n1", ["a"]));
  assert.deepEqual(answer(machine, response(CDS, "n2", ["a"]), [{ name: "a", message: "bad" }]), [{
    typeUrl: CDS,
    resourceNames: ["*"],
    versionInfo: "v-n1",
    responseNonce: "n2",
    errorDetail: { code: 13, message: "a: bad" },
  }]);
});

Deno.test("ANSWERED: absence removes clusters and listeners, never endpoints and routes", () => {
  const machine = new SotwMachine(new FakeSource({ [CDS]: "*", [EDS]: ["a", "b"] }));
  machine.opened(NODE);
  answer(machine, response(CDS, "n1", ["a", "b"]));
  answer(machine, response(EDS, "n2", ["a", "b"]));
  const clusters = update(machine.received(response(CDS, "n3", ["b", "c"]))).update;
  assert.deepEqual([[...clusters.changed.keys()], clusters.removed, clusters.full], [["b", "c"], ["a"], true]);
  const endpoints = update(machine.received(response(EDS, "n4", ["b"]))).update;
  assert.deepEqual([[...endpoints.changed.keys()], endpoints.removed, endpoints.full], [["b"], [], false]);
});

Deno.test("ANSWERED: a resource that cannot be named is an error, and then nothing counts as absent", () => {
  const machine = new SotwMachine(new FakeSource({ [CDS]: "*" }));
  machine.opened(NODE);
  answer(machine, response(CDS, "n1", ["a", "b"]));
  const good = response(CDS, "n2", ["b", "b"]);
  const received = update(machine.received({
    ...good,
    resources: [...good.resources!, { typeUrl: CDS, value: new Uint8Array([0xff]) }, { typeUrl: LDS }],
  }));
  assert.deepEqual([...received.update.changed.keys()], ["b"]);
  assert.deepEqual(received.update.removed, []);
  assert.deepEqual(received.errors.map(({ name }) => name), ["b", "resource 2", "resource 3"]);
});

Deno.test("OPEN => CLOSED => OPEN: names are declared again with the version, without nonce", () => {
  const machine = new SotwMachine(new FakeSource({ [CDS]: "*", [LDS]: "*", [EDS]: ["a"] }));
  machine.opened(NODE);
  answer(machine, response(CDS, "n1", ["a"]));
  assert.deepEqual(machine.opened(NODE), [
    { node: NODE, typeUrl: CDS, resourceNames: ["*"], versionInfo: "v-n1" },
    { typeUrl: EDS, resourceNames: ["a"] },
    { typeUrl: LDS, resourceNames: ["*"] },
  ]);
  const { update: after } = update(machine.received(response(CDS, "n2", ["b"])));
  assert.deepEqual(after.removed, ["a"], "what went while nobody was connected is seen");
});

Deno.test("OPEN => CLOSED: an outcome of an earlier stream answers nobody; unknown types are ignored", () => {
  const machine = new SotwMachine(new FakeSource({ [CDS]: "*" }));
  machine.opened(NODE);
  const { ticket } = update(machine.received(response(CDS, "old", ["a"])));
  machine.opened(NODE);
  assert.deepEqual(machine.applied(ticket, []), []);
  assert.equal(machine.received(response(RDS, "n", [])).kind, "ignored");
});

Deno.test("ANSWERED: an empty list unsubscribes from a named type, and is not sent for clusters", () => {
  const source = new FakeSource({ [CDS]: "*", [EDS]: ["a"] });
  const machine = new SotwMachine(source);
  machine.opened(NODE);
  source.set(EDS, null);
  source.set(CDS, null);
  assert.deepEqual(machine.changed(), [{ typeUrl: EDS, resourceNames: [] }]);
});

for (const name of ["basic/sleep-sotw", "basic/httpbin-sotw"]) {
  Deno.test(`recording '${name}': the requests are those the recorder sent, in its order`, async (t) => {
    const all = await exchanges(name);
    if (all === null) {
      await t.step({ name: "no recordings here", ignore: true, fn: () => {} });
      return;
    }
    const source = new FakeSource({ [CDS]: "*", [LDS]: "*", [NDS]: "*" });
    const machine = new SotwMachine(source);
    for (const { response: recorded, requests } of all) {
      for (const { typeUrl, subscribe } of requests) {
        if (subscribe !== undefined && subscribe[0] !== "*") source.set(typeUrl!, subscribe);
      }
      let sent: Request[];
      if (recorded === null) sent = machine.opened(NODE);
      else {
        const message = decode("envoy.service.discovery.v3.DiscoveryResponse", recorded.bytes);
        const received = update(machine.received(message));
        const names = recorded.entry.resources!.map((resource) => resource.name);
        assert.deepEqual([...received.update.changed.keys()], names, "the names are read from the resources");
        sent = machine.applied(received.ticket, received.errors);
      }
      assert.deepEqual(
        sent.map(({ typeUrl, responseNonce }) => [typeUrl, responseNonce]),
        requests.map(({ typeUrl, nonce }) => [typeUrl, nonce]),
      );
    }
  });
}
