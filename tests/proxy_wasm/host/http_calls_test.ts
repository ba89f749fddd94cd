import assert from "node:assert/strict";
import { MeshError } from "../../../lib/errors.ts";
import { QueueBody, readAll } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { BufferType, MapType, Status } from "../../../lib/proxy_wasm/abi.ts";
import { content, FakeClusters, settle } from "../../support/fake_clusters.ts";
import { BareStream, OUT, pairsOf, WasmProbe } from "../../support/wasm_probe.ts";
import { TestEnvironment } from "../../support/wasm_rig.ts";

const HEADERS = pairsOf([":method", "GET"], [":path", "/check"], [":authority", "auth.local"]);
const NONE: Uint8Array = new Uint8Array(0);

function setUp() {
  const clusters = new FakeClusters("auth");
  const probe = new WasmProbe(new TestEnvironment(clusters));
  const told: unknown[] = [];
  probe.on({
    onHttpCallResponse(...args) {
      told.push([...args, probe.header(MapType.HTTP_CALL_RESPONSE_HEADERS, ":status"), ...probe.status()]);
    },
  });
  const http = (cluster = "auth", headers = HEADERS, body: string | Uint8Array = "", trailers = NONE, timeout = 0) =>
    probe.call("proxy_http_call", cluster, headers, body, trailers, timeout, OUT);
  return { clusters, probe, told, http };
}

Deno.test("an HTTP call is sent as described, and its answer comes whole, with counts, headers, content and trailers", async () => {
  const { clusters, probe, http } = setUp();
  const seen: unknown[] = [];
  probe.on({
    onHttpCallResponse(...args) {
      seen.push(
        args,
        probe.header(MapType.HTTP_CALL_RESPONSE_HEADERS, ":status"),
        probe.header(MapType.HTTP_CALL_RESPONSE_HEADERS, "x-user"),
        probe.header(MapType.HTTP_CALL_RESPONSE_TRAILERS, "x-end"),
        probe.buffer(BufferType.HTTP_CALL_RESPONSE_BODY),
        // None of it can be changed.
        probe.call("proxy_replace_header_map_value", MapType.HTTP_CALL_RESPONSE_HEADERS, "x-user", "me").status,
        probe.call("proxy_set_buffer_bytes", BufferType.HTTP_CALL_RESPONSE_BODY, 0, 0, "no").status,
        probe.status(),
      );
    },
  });
  const headers = pairsOf(
    [":method", "POST"],
    [":path", "/check?a=b"],
    ["Host", "auth.local"],
    [":scheme", "https"],
    ["X-Raw", "\xff"],
    ["content-length", "99"],
    ["connection", "close"],
  );
  const { status, outs } = http("auth", headers, "question", pairsOf(["x-trailer", "1"]), 250);
  assert.deepEqual([status, outs], [Status.OK, [4]]);
  const [{ cluster, request, options, answer }] = clusters.sent as [typeof clusters.sent[0]];
  assert.equal(cluster, "auth");
  assert.equal(options.timeoutMs, 250);
  const { method, path, authority, scheme, headers: sent, body } = request;
  assert.deepEqual({ method, path, authority, scheme, sent: sent.pairs }, {
    method: "POST",
    path: "/check?a=b",
    authority: "auth.local",
    scheme: "https",
    sent: ["x-raw", "\xff"],
  });
  assert.equal(new TextDecoder().decode((await readAll(body))!), "question");
  assert.deepEqual(body!.trailers!.pairs, ["x-trailer", "1"]);
  answer({ status: 201, headers: new HeaderList(["x-user", "ann"]), body: content("yes", ["x-end", "2"]) });
  await settle();
  assert.deepEqual(seen, [
    [probe.root.id, 4, 2, 3, 1],
    "201",
    "ann",
    "2",
    "yes",
    Status.BAD_ARGUMENT,
    Status.BAD_ARGUMENT,
    [0, ""],
  ]);
  // Outside of the callback nothing of it is left.
  assert.equal(probe.buffer(BufferType.HTTP_CALL_RESPONSE_BODY), Status.NOT_FOUND);
  assert.equal(probe.header(MapType.HTTP_CALL_RESPONSE_HEADERS, ":status"), Status.BAD_ARGUMENT);
});

Deno.test("an HTTP call that cannot be sent is refused at once, and nothing is sent", () => {
  const { clusters, probe, http } = setUp();
  const without = (name: string) =>
    pairsOf(...([[":method", "GET"], [":path", "/"], [":authority", "a"]] as const).filter(([key]) => key !== name));
  assert.equal(http("other").status, Status.BAD_ARGUMENT);
  for (const name of [":method", ":path", ":authority"]) {
    assert.equal(http("auth", without(name)).status, Status.BAD_ARGUMENT, name);
  }
  assert.equal(http("auth", HEADERS, "", NONE, -1).status, Status.BAD_ARGUMENT);
  const base = [[":method", "GET"], [":path", "/"], [":authority", "a"]] as const;
  for (const [name, value] of [["x", "a\r\nb: c"], ["a b", "1"], [":path", "/a b"], [":method", "CONNECT"]] as const) {
    assert.equal(http("auth", pairsOf(...base, [name, value])).status, Status.BAD_ARGUMENT, name);
  }
  assert.equal(http("auth", HEADERS, "", pairsOf(["x", "\n"])).status, Status.BAD_ARGUMENT);
  assert.equal(probe.call("proxy_http_call", "auth", HEADERS, "", NONE, 0, 0x7fff_ffff).status, 6);
  assert.equal(probe.call("proxy_http_call", -4, 8, HEADERS, "", NONE, 0, OUT).status, 6);
  assert.equal(clusters.sent.length, 0);
  const nowhere = new WasmProbe();
  const args = ["auth", HEADERS, "", NONE, 0, OUT] as const;
  assert.equal(nowhere.call("proxy_http_call", ...args).status, Status.BAD_ARGUMENT);
});

Deno.test("what keeps a call from being answered is an answer; what breaks off is a failure without headers", async () => {
  const { clusters, probe, told, http } = setUp();
  const id = probe.root.id;
  http();
  clusters.sent[0]!.fail(new MeshError("NO_HEALTHY_UPSTREAM", "Nobody is there"));
  await settle();
  assert.deepEqual(told.splice(0), [[id, 4, 3, 15, 0, "503", 0, ""]]);
  http();
  clusters.sent[1]!.fail(new MeshError("UPSTREAM_REQUEST_TIMEOUT", "Too late"));
  await settle();
  assert.deepEqual(told.splice(0), [[id, 8, 3, 8, 0, "504", 0, ""]]);
  http();
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
  clusters.sent[2]!.answer({ body });
  body.push(new Uint8Array(3));
  await settle();
  assert.deepEqual(told, []);
  body.fail(new MeshError("UPSTREAM_REMOTE_RESET", "Reset"));
  await settle();
  assert.deepEqual(told, [[id, 12, 0, 0, 0, Status.BAD_ARGUMENT, Status.BROKEN_CONNECTION, "reset"]]);
  assert.deepEqual(probe.status(), [0, ""]);
});

Deno.test("an answer above the limit is a failure, and the rest of it is not read", async () => {
  const { clusters, told, http } = setUp();
  http();
  let cancelled = false;
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => void (cancelled = true) });
  clusters.sent[0]!.answer({ body });
  for (let i = 0; i < 33; i++) body.push(new Uint8Array(1024 * 1024));
  for (let i = 0; i < 10; i++) await settle();
  assert.deepEqual((told as number[][]).map((args) => args.slice(2)), [[0, 0, 0, 2, 11, "reset"]]);
  assert.equal(cancelled, true);
});

Deno.test("calls of a stream belong to its root; answers come in the order in which they are there", async () => {
  const { clusters, probe, told, http } = setUp();
  const stream = new BareStream(probe.root);
  probe.inside(() => http(), stream);
  probe.inside(() => {
    probe.ok("proxy_set_effective_context", stream.id);
    http();
  });
  probe.vm.remove(stream);
  clusters.sent[1]!.answer({});
  await settle();
  clusters.sent[0]!.answer({ status: 404 });
  await settle();
  const id = probe.root.id;
  assert.deepEqual(told, [[id, 8, 1, 0, 0, "200", 0, ""], [id, 4, 1, 0, 0, "404", 0, ""]]);
});

Deno.test("a call begins when the module has returned, and not at all where it has failed", async () => {
  for (const trap of [false, true]) {
    const { clusters, probe, http } = setUp();
    probe.vm.run(probe.root, () => {
      assert.equal(http().status, Status.OK);
      assert.equal(clusters.sent.length, 0);
      if (trap) throw new Error("Trap");
      return 0;
    });
    await settle();
    assert.equal(clusters.sent.length, trap ? 0 : 1);
  }
});

Deno.test("what a callback has asked for happens after it, and sees nothing of the answer any more", async () => {
  const { clusters, probe, http } = setUp();
  const seen: unknown[] = [];
  probe.on({
    onHttpCallResponse() {
      probe.vm.defer(() => seen.push(probe.buffer(BufferType.HTTP_CALL_RESPONSE_BODY), probe.status()));
      seen.push(probe.buffer(BufferType.HTTP_CALL_RESPONSE_BODY));
    },
  });
  http();
  clusters.sent[0]!.answer({ body: content("secret") });
  await settle();
  assert.deepEqual(seen, ["secret", Status.NOT_FOUND, [0, ""]]);
});

Deno.test("calls end with their root and with their VM, and nothing is told of them", async () => {
  for (const how of ["root", "vm"] as const) {
    const { clusters, probe, told, http } = setUp();
    http();
    http();
    clusters.sent[0]!.answer({});
    if (how === "root") probe.root.close();
    else {
      probe.vm.run(probe.root, () => {
        throw new Error("Trap");
      });
    }
    await settle();
    assert.deepEqual(told, [], how);
    assert.deepEqual(clusters.sent.map(({ options }) => options.signal.aborted), [true, true], how);
    if (how === "root") {
      assert.equal(http().status, Status.INTERNAL_FAILURE);
      // Nor is one begun in `on_delete`.
      assert.equal(clusters.sent.length, 2);
    }
  }
});

Deno.test("a module that fails at an answer fails its VM only, and other calls end", async () => {
  const { clusters, probe, http } = setUp();
  probe.on({
    onHttpCallResponse() {
      throw new Error("Trap");
    },
  });
  http();
  http();
  clusters.sent[0]!.answer({ body: content("x") });
  await settle();
  assert.notEqual(probe.vm.failure, null);
  assert.equal(probe.root.delivered, null);
  assert.equal(clusters.sent[1]!.options.signal.aborted, true);
});

Deno.test("a module may begin only so many calls, and only so many bytes of them", async () => {
  const { clusters, probe, http } = setUp();
  const body = new Uint8Array(900_000);
  let count = 0;
  probe.inside(() => {
    while (http("auth", HEADERS, body).status === Status.OK) count++;
  });
  assert.equal(count, 74);
  for (const { answer } of clusters.sent) answer({});
  await settle();
  assert.equal(http("auth", HEADERS, body).status, Status.OK);
  probe.inside(() => {
    while (http().status === Status.OK) count++;
  });
  assert.equal(count, 74 + 9_999);
  probe.root.close();
  await settle();
});
