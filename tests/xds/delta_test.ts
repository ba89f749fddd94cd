import assert from "node:assert/strict";
import type {
  EnvoyServiceDiscoveryV3DeltaDiscoveryRequest as Request,
  EnvoyServiceDiscoveryV3DeltaDiscoveryResponse as Response,
} from "../../lib/protobuf/gen/messages.ts";
import { decode } from "../../lib/protobuf/registry.ts";
import { DeltaMachine } from "../../lib/xds/delta.ts";
import type { Received } from "../../lib/xds/discovery_machine.ts";
import type { ResourceError } from "../../lib/xds/resource_sink.ts";
import { TYPE_URLS } from "../../lib/xds/type_urls.ts";
import { FakeSource } from "./fake_source.ts";
import { exchanges } from "./recording.ts";

const { CDS, EDS, LDS, RDS, NDS, PCDS } = TYPE_URLS;
const NODE = { id: "sidecar~10.0.0.1~sleep.default~default.svc.cluster.local" };

function response(typeUrl: string, nonce: string, names: readonly string[], more: Response = {}): Response {
  return {
    typeUrl,
    nonce,
    resources: names.map((name) => ({ name, version: "1", resource: { typeUrl, value: new Uint8Array([1]) } })),
    ...more,
  };
}

function update(received: Received) {
  assert.equal(received.kind, "update");
  return received as Extract<Received, { kind: "update" }>;
}

/** Applies a response; `during` is what the sink does meanwhile. */
function answer(
  machine: DeltaMachine,
  message: Response,
  errors: readonly ResourceError[] = [],
  during: () => void = () => {},
): Request[] {
  const { ticket, errors: found } = update(machine.received(message));
  during();
  return machine.applied(ticket, [...found, ...errors]);
}

Deno.test("CLOSED => OPEN: the first message, and only it, carries the node", () => {
  const machine = new DeltaMachine(new FakeSource({ [CDS]: "*", [EDS]: ["a"] }));
  assert.deepEqual(machine.opened(NODE), [
    { node: NODE, typeUrl: CDS, resourceNamesSubscribe: ["*"] },
    { typeUrl: EDS, resourceNamesSubscribe: ["a"] },
  ]);
});

Deno.test("CLOSED => OPEN: nothing wanted, nothing requested; the node waits for the first message", () => {
  const source = new FakeSource({ [EDS]: [], [RDS]: null });
  const machine = new DeltaMachine(source);
  assert.deepEqual(machine.opened(NODE), []);
  source.set(RDS, ["80"]);
  assert.deepEqual(machine.changed(), [{ node: NODE, typeUrl: RDS, resourceNamesSubscribe: ["80"] }]);
});

Deno.test("UNREQUESTED: listeners wait for the clusters' answer, name table and roots for the listeners", () => {
  const machine = new DeltaMachine(new FakeSource({ [PCDS]: "*", [NDS]: "*", [LDS]: "*", [CDS]: "*", "x/Other": "*" }));
  assert.deepEqual(machine.opened(NODE).map(({ typeUrl }) => typeUrl), [CDS, "x/Other"]);
  assert.deepEqual(answer(machine, response(CDS, "n1", [])), [
    { typeUrl: CDS, responseNonce: "n1" },
    { typeUrl: LDS, resourceNamesSubscribe: ["*"] },
    { typeUrl: NDS },
    { typeUrl: PCDS },
  ]);
});

Deno.test("UNREQUESTED: listeners wait for nothing when no clusters are wanted", () => {
  const machine = new DeltaMachine(new FakeSource({ [LDS]: "*", [NDS]: "*" }));
  assert.deepEqual(machine.opened(NODE).map(({ typeUrl }) => typeUrl), [LDS, NDS]);
});

Deno.test("ANSWERED: what a response makes wanted is requested after its ACK, not in it", () => {
  const source = new FakeSource({ [CDS]: "*" });
  const machine = new DeltaMachine(source);
  machine.opened(NODE);
  const requests = answer(machine, response(CDS, "n1", ["a", "b"]), [], () => {
    source.set(EDS, ["a", "b"]);
    assert.deepEqual(machine.changed(), []);
  });
  assert.deepEqual(requests, [
    { typeUrl: CDS, responseNonce: "n1" },
    { typeUrl: EDS, resourceNamesSubscribe: ["a", "b"] },
  ]);
});

Deno.test("ANSWERED: a change of names is a request without nonce", () => {
  const source = new FakeSource({ [EDS]: ["a", "b"] });
  const machine = new DeltaMachine(source);
  machine.opened(NODE);
  answer(machine, response(EDS, "n1", ["a", "b"]));
  source.set(EDS, ["b", "c"]);
  assert.deepEqual(machine.changed(), [
    { typeUrl: EDS, resourceNamesSubscribe: ["c"], resourceNamesUnsubscribe: ["a"] },
  ]);
  source.set(EDS, null);
  assert.deepEqual(machine.changed(), [{ typeUrl: EDS, resourceNamesUnsubscribe: ["b", "c"] }]);
  assert.deepEqual(machine.changed(), []);
  source.set(EDS, ["b"]);
  assert.deepEqual(machine.changed(), [{ typeUrl: EDS, resourceNamesSubscribe: ["b"] }]);
});

Deno.test("ANSWERED: a second push before the ACK of the first: each nonce is answered", () => {
  const machine = new DeltaMachine(new FakeSource({ [CDS]: "*" }));
  machine.opened(NODE);
  const first = update(machine.received(response(CDS, "n1", ["a"])));
  const second = update(machine.received(response(CDS, "n2", ["b"])));
  assert.deepEqual(machine.applied(first.ticket, []), [{ typeUrl: CDS, responseNonce: "n1" }]);
  assert.deepEqual(machine.applied(second.ticket, []), [{ typeUrl: CDS, responseNonce: "n2" }]);
});

Deno.test("ANSWERED: a NACK has the nonce and every error", () => {
  const machine = new DeltaMachine(new FakeSource({ [CDS]: "*" }));
  machine.opened(NODE);
  const errors = [{ name: "a", message: "bad" }, { name: "b", message: "worse" }, { name: "b", message: "worst" }];
  assert.deepEqual(answer(machine, response(CDS, "n1", ["a", "b", "c"]), errors), [
    { typeUrl: CDS, responseNonce: "n1", errorDetail: { code: 13, message: "a: bad; b: worse; b: worst" } },
  ]);
});

Deno.test("ANSWERED: a NACK of thousands of errors fits into istiod's receive limit", () => {
  const machine = new DeltaMachine(new FakeSource({ [CDS]: "*" }));
  machine.opened(NODE);
  const errors = Array.from({ length: 10_000 }, (_, i) => ({ name: `cluster-${i}`, message: "x".repeat(1000) }));
  const [nack] = answer(machine, response(CDS, "n1", []), errors);
  assert.ok(nack!.errorDetail!.message!.length < 300_000);
  assert.match(nack!.errorDetail!.message!, /; and \d+ more$/);
});

Deno.test("ANSWERED: a full set, a difference and removals are told apart by nothing but removed_resources", () => {
  const machine = new DeltaMachine(new FakeSource({ [CDS]: "*" }));
  machine.opened(NODE);
  answer(machine, response(CDS, "n1", ["a", "b"]));
  const { update: difference } = update(
    machine.received(response(CDS, "n2", ["a"], { removedResources: ["gone", "a"], systemVersionInfo: "v2" })),
  );
  assert.deepEqual([...difference.changed.keys()], ["a"]);
  assert.deepEqual(difference.removed, ["gone"], "what is sent is not gone");
  assert.equal(difference.full, false);
  assert.equal(difference.version, "v2");
});

Deno.test("ANSWERED: resources of names unsubscribed from are left out", () => {
  const source = new FakeSource({ [EDS]: ["a", "b"] });
  const machine = new DeltaMachine(source);
  machine.opened(NODE);
  source.set(EDS, ["b"]);
  machine.changed();
  const received = update(machine.received(response(EDS, "n1", ["a", "b"], { removedResources: ["a"] })));
  assert.deepEqual([...received.update.changed.keys()], ["b"]);
  assert.deepEqual(received.update.removed, []);
});

Deno.test("ANSWERED: a repeated name, a wrong type and a missing body are errors of that resource", () => {
  const machine = new DeltaMachine(new FakeSource({ [CDS]: "*" }));
  machine.opened(NODE);
  const received = update(machine.received({
    typeUrl: CDS,
    nonce: "n1",
    resources: [
      { name: "ok", resource: { typeUrl: CDS, value: new Uint8Array([1]) } },
      { name: "ok", resource: { typeUrl: CDS, value: new Uint8Array([2]) } },
      { name: "wrong", resource: { typeUrl: LDS } },
      { name: "none" },
      { name: "empty", resource: { typeUrl: CDS } },
    ],
  }));
  assert.deepEqual([...received.update.changed], [["ok", new Uint8Array([1])], ["empty", new Uint8Array()]]);
  assert.deepEqual(received.errors.map(({ name }) => name), ["ok", "wrong", "none"]);
});

Deno.test("an unknown type is ignored, with a reason and no answer", () => {
  const machine = new DeltaMachine(new FakeSource({ [CDS]: "*" }));
  assert.equal(machine.received(response(CDS, "n0", [])).kind, "ignored", "before any stream");
  machine.opened(NODE);
  const received = machine.received(response("x/Unknown", "n1", ["a"]));
  assert.deepEqual(received, { kind: "ignored", reason: "type 'x/Unknown' was not requested on this stream" });
  assert.equal(machine.received({}).kind, "ignored");
});

Deno.test("a response without nonce is applied and not answered: the answer would ask for everything again", () => {
  const machine = new DeltaMachine(new FakeSource({ [CDS]: "*" }));
  machine.opened(NODE);
  assert.deepEqual(answer(machine, response(CDS, "", ["a"])), []);
});

Deno.test("OPEN => CLOSED => OPEN: everything is declared again at once, with what is held", () => {
  const source = new FakeSource({ [CDS]: "*", [LDS]: "*", [NDS]: "*" });
  const machine = new DeltaMachine(source);
  machine.opened(NODE);
  answer(machine, response(CDS, "n1", ["a", "b", "bad"]), [{ name: "bad", message: "no" }]);
  source.set(EDS, ["a", "b"]);
  machine.changed();
  answer(machine, response(EDS, "n2", ["a", "b"]));
  answer(machine, response(CDS, "n3", ["c"], { removedResources: ["a"] }));
  answer(machine, response(LDS, "n4", ["l"]));
  answer(machine, response(NDS, "n5", [""]));
  source.set(RDS, ["80"]);
  machine.changed();
  machine.closed();
  assert.deepEqual(machine.changed(), []);
  source.set(EDS, ["b", "c"]);
  assert.deepEqual(machine.opened(NODE), [
    {
      node: NODE,
      typeUrl: CDS,
      resourceNamesSubscribe: ["*"],
      // The refused one without version: the server may neither skip it nor hide its removal.
      initialResourceVersions: { b: "1", bad: "", c: "1" },
    },
    { typeUrl: EDS, resourceNamesSubscribe: ["b", "c"], initialResourceVersions: { b: "1" } },
    { typeUrl: LDS, resourceNamesSubscribe: ["*"], initialResourceVersions: { l: "1" } },
    { typeUrl: NDS, initialResourceVersions: { "": "1" } },
    { typeUrl: RDS, resourceNamesSubscribe: ["80"] },
  ]);
});

Deno.test("OPEN => CLOSED: the outcome of a response of an earlier stream answers nobody, but is remembered", () => {
  const machine = new DeltaMachine(new FakeSource({ [CDS]: "*" }));
  machine.opened(NODE);
  const { ticket } = update(machine.received(response(CDS, "old", ["a"])));
  machine.opened(NODE);
  assert.deepEqual(machine.applied(ticket, []), []);
  assert.deepEqual(answer(machine, response(CDS, "new", [])), [{ typeUrl: CDS, responseNonce: "new" }]);
  assert.deepEqual(machine.opened(NODE)[0]!.initialResourceVersions, { a: "1" });
});

const RECORDINGS = [
  "basic/sleep",
  "basic/httpbin",
  "tls-modes/sleep",
  "seq-security/httpbin",
  "seq-endpoints/sleep",
  "seq-routing/sleep",
  "vm/ledger-vm",
];

for (const name of RECORDINGS) {
  Deno.test(`recording '${name}': the requests are those the recorder sent, in its order`, async (t) => {
    const all = await exchanges(name);
    if (all === null) {
      await t.step({ name: "no recordings here", ignore: true, fn: () => {} });
      return;
    }
    const source = new FakeSource({ [CDS]: "*", [LDS]: "*", [NDS]: "*" });
    const machine = new DeltaMachine(source);
    let compared = 0;
    for (const { response: recorded, requests } of all) {
      const expected = requests.map(({ typeUrl, nonce, ack, subscribe, unsubscribe }) => ({
        typeUrl: typeUrl!,
        ...(ack ? { responseNonce: nonce } : {}),
        ...(subscribe === undefined ? {} : { resourceNamesSubscribe: [...subscribe] }),
        ...(unsubscribe === undefined ? {} : { resourceNamesUnsubscribe: [...unsubscribe] }),
      }));
      // The names the recorder derived from the resources.
      for (const { typeUrl, subscribe, unsubscribe } of requests) {
        if (typeUrl !== EDS && typeUrl !== RDS || subscribe === undefined && unsubscribe === undefined) continue;
        const before = source.wanted(typeUrl);
        const names = new Set(before instanceof Set ? before as Set<string> : []);
        for (const added of subscribe ?? []) names.add(added);
        for (const gone of unsubscribe ?? []) names.delete(gone);
        source.set(typeUrl, names);
      }
      const sent = recorded === null
        ? machine.opened({})
        : answer(machine, decode("envoy.service.discovery.v3.DeltaDiscoveryResponse", recorded.bytes));
      assert.deepEqual(sent.map(sorted), expected.map(sorted));
      compared += sent.length;
    }
    assert.ok(compared > 5);
  });
}

/** Without the node, and with names sorted: their order means nothing. */
function sorted(request: Request): Request {
  const { node: _, ...rest } = request;
  rest.resourceNamesSubscribe?.sort();
  rest.resourceNamesUnsubscribe?.sort();
  return rest;
}
