import assert from "node:assert/strict";
import { MeshError } from "../../../lib/errors.ts";
import { frameMessage, GrpcMessageReader } from "../../../lib/grpc/framing.ts";
import { QueueBody } from "../../../lib/http/body.ts";
import { BytesBody } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { encode } from "../../../lib/protobuf/registry.ts";
import { BufferType, MapType, Status } from "../../../lib/proxy_wasm/abi.ts";
import { FakeClusters, settle } from "../../support/fake_clusters.ts";
import { OUT, pairsOf, WasmProbe } from "../../support/wasm_probe.ts";
import { TestEnvironment } from "../../support/wasm_rig.ts";

const NO_METADATA: Uint8Array = pairsOf();
const SERVICE = (clusterName: string, authority = "") =>
  encode("envoy.config.core.v3.GrpcService", {
    envoyGrpc: { clusterName, authority },
    initialMetadata: [{ key: "X-Service", value: "s" }],
  });

function setUp() {
  const clusters = new FakeClusters("backend", "outbound|80|v1|backend.default");
  const probe = new WasmProbe(new TestEnvironment(clusters));
  const told: unknown[] = [];
  const { root } = probe;
  probe.on({
    onGrpcReceiveInitialMetadata: (id, call, count) =>
      void told.push(["initial", id - root.id, call, count, probe.header(MapType.GRPC_CALL_INITIAL_METADATA, "x-a")]),
    onGrpcReceive: (id, call, size) =>
      void told.push(["message", id - root.id, call, size, probe.buffer(BufferType.GRPC_CALL_MESSAGE)]),
    onGrpcReceiveTrailingMetadata: (id, call, count) =>
      void told.push(["trailing", id - root.id, call, count, probe.header(MapType.GRPC_CALL_TRAILING_METADATA, "x-t")]),
    onGrpcClose: (id, call, status) => void told.push(["close", id - root.id, call, status, probe.status()]),
  });
  const unary = (upstream: string | Uint8Array = "backend", metadata = NO_METADATA, timeout = 0) =>
    probe.call("proxy_grpc_call", upstream, "pkg.Svc", "Do", metadata, "hi", timeout, OUT);
  const stream = (upstream: string | Uint8Array = "backend") =>
    probe.call("proxy_grpc_stream", upstream, "pkg.Svc", "Chat", NO_METADATA, OUT);
  return { clusters, probe, told, unary, stream };
}

/** Messages as content, with trailers behind. */
function messages(trailers: string[], ...texts: string[]): BytesBody {
  const framed = texts.map((text) => frameMessage(new TextEncoder().encode(text)));
  const bytes = new Uint8Array(framed.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const frame of framed) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return new BytesBody(bytes, trailers.length === 0 ? null : new HeaderList(trailers));
}

Deno.test("a unary call is a gRPC request; of its success the module hears the message alone", async () => {
  const { clusters, told, unary } = setUp();
  const metadata = pairsOf([":path", "/other"], ["X-A", "1"], ["x-b-bin", "\x00\xff"], ["te", "gzip"]);
  assert.deepEqual([unary("backend", metadata, 1500)].map(({ status, outs }) => [status, outs[0]]), [[0, 5]]);
  const { cluster, request, options, answer } = clusters.sent[0]!;
  assert.equal(cluster, "backend");
  assert.equal(options.timeoutMs, 1500);
  assert.deepEqual([request.method, request.path, request.authority, request.protocol], [
    "POST",
    "/pkg.Svc/Do",
    "backend",
    "HTTP/2",
  ]);
  assert.deepEqual(request.headers.pairs, [
    "te",
    "trailers",
    "content-type",
    "application/grpc",
    "grpc-timeout",
    "1500m",
    "x-a",
    "1",
    "x-b-bin",
    "AP8=",
  ]);
  assert.equal(new TextDecoder().decode((await new GrpcMessageReader(request.body).next())!), "hi");
  answer({ body: messages(["grpc-status", "0"], "hello") });
  await settle();
  assert.deepEqual(told, [["message", 0, 5, 5, "hello"]]);
});

Deno.test("a unary call that fails is closed with its status, whatever came before", async () => {
  const cases: readonly (readonly [(answer: (typeof clusters.sent)[0]) => void, number, string])[] = [
    [
      ({ answer }) => answer({ headers: new HeaderList(["grpc-status", "7", "grpc-message", "no%20way"]) }),
      7,
      "no way",
    ],
    [({ answer }) => answer({ body: messages(["grpc-status", "9", "grpc-message", "%C3%A9"], "x") }), 9, "\xc3\xa9"],
    [({ answer }) => answer({ body: messages(["grpc-status", "0"]) }), 13, ""],
    [({ answer }) => answer({ body: messages([], "x") }), 2, ""],
    [({ answer }) => answer({ body: messages(["x", "1"], "x") }), 2, ""],
    [({ answer }) => answer({ status: 404 }), 12, ""],
    [({ answer }) => answer({ status: 503 }), 14, ""],
    [({ answer }) => answer({ status: 500, headers: new HeaderList(["grpc-status", "5"]) }), 5, ""],
    [({ fail }) => fail(new MeshError("UPSTREAM_OVERFLOW", "Too much")), 14, "Too much"],
    [({ fail }) => fail(new MeshError("UPSTREAM_REQUEST_TIMEOUT", "Late")), 14, "Late"],
    // Compressed, without a way to unpack it.
    [
      ({ answer }) => answer({ body: new BytesBody(frameMessage(new Uint8Array(3), true)) }),
      13,
      "Message is compressed without an encoding",
    ],
  ];
  const { clusters, told, unary } = setUp();
  for (const [index, [happen, code, message]] of cases.entries()) {
    unary();
    happen(clusters.sent[index]!);
    await settle();
    assert.deepEqual(told.splice(0), [["close", 0, 5 + index * 4, code, [code, message]]], String(index));
  }
});

Deno.test("a stream: metadata, messages as they come, trailing metadata, status; ours until it is closed", async () => {
  const { clusters, probe, told, stream } = setUp();
  const id = stream().outs[0]!;
  assert.equal(id, 6);
  const { request, answer, options } = clusters.sent[0]!;
  const sent = new GrpcMessageReader(request.body);
  assert.equal(probe.call("proxy_grpc_send", id, "one", 0).status, 0);
  assert.equal(probe.call("proxy_grpc_send", id, "two", 1).status, 0);
  assert.equal(probe.call("proxy_grpc_send", id, "late", 0).status, 0);
  const text = async () => {
    const message = await sent.next();
    return message && new TextDecoder().decode(message);
  };
  assert.deepEqual([await text(), await text(), await text()], ["one", "two", null]);
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
  answer({ headers: new HeaderList(["x-a", "1"]), body });
  await settle();
  assert.deepEqual(told.splice(0), [["initial", 0, id, 2, "1"]]);
  body.push(frameMessage(new TextEncoder().encode("abc")));
  await settle();
  assert.deepEqual(told.splice(0), [["message", 0, id, 3, "abc"]]);
  body.push(frameMessage(new Uint8Array(0)));
  body.end(new HeaderList(["grpc-status", "3", "grpc-message", "odd", "x-t", "2"]));
  await settle();
  assert.deepEqual(told, [["message", 0, id, 0, ""], ["trailing", 0, id, 3, "2"], ["close", 0, id, 3, [3, "odd"]]]);
  // What is sent now goes nowhere, and the number is free once the module has closed it.
  assert.equal(probe.call("proxy_grpc_send", id, "x", 0).status, 0);
  assert.equal(probe.call("proxy_grpc_close", id).status, 0);
  assert.equal(probe.call("proxy_grpc_close", id).status, Status.NOT_FOUND);
  assert.equal(options.signal.aborted, true);
});

Deno.test("a stream whose end is in the headers, or that gets no response, has metadata without fields", async () => {
  const { clusters, told, stream } = setUp();
  stream();
  clusters.sent[0]!.answer({ headers: new HeaderList(["grpc-status", "5", "x-t", "t"]) });
  await settle();
  assert.deepEqual(told.splice(0), [
    ["initial", 0, 6, 0, Status.NOT_FOUND],
    ["trailing", 0, 6, 2, "t"],
    ["close", 0, 6, 5, [5, ""]],
  ]);
  stream();
  clusters.sent[1]!.fail(new MeshError("NO_HEALTHY_UPSTREAM", "Nobody"));
  await settle();
  assert.deepEqual(told, [
    ["initial", 0, 10, 0, Status.NOT_FOUND],
    ["trailing", 0, 10, 0, Status.NOT_FOUND],
    ["close", 0, 10, 14, [14, "Nobody"]],
  ]);
});

Deno.test("closing our side lets the other finish; it is forgotten with the status", async () => {
  const { clusters, probe, told, stream } = setUp();
  const id = stream().outs[0]!;
  probe.ok("proxy_grpc_close", id);
  const { request, answer } = clusters.sent[0]!;
  assert.equal(await request.body!.read(), null);
  answer({ body: messages(["grpc-status", "0"], "still") });
  await settle();
  assert.deepEqual((told as unknown[][]).map(([what]) => what), ["initial", "message", "trailing", "close"]);
  assert.equal(probe.call("proxy_grpc_cancel", id).status, Status.NOT_FOUND);
});

Deno.test("streams that are over and never closed do not keep others from being begun", async () => {
  const { clusters, probe, stream } = setUp();
  for (let i = 0; i < 11_000; i++) {
    assert.equal(stream().status, 0);
    clusters.sent.pop()!.answer({ headers: new HeaderList(["grpc-status", "0"]) });
    if (i % 500 === 0) await settle();
  }
  await settle();
  const last = stream().outs[0]!;
  assert.equal(probe.call("proxy_grpc_close", last - 4).status, 0);
  assert.equal(probe.call("proxy_grpc_close", 6).status, Status.NOT_FOUND);
});

Deno.test("a call given up, also within one of its callbacks, is heard of no more", async () => {
  for (const end of ["proxy_grpc_cancel", "proxy_grpc_close"]) {
    const { clusters, probe, told, unary } = setUp();
    const id = unary().outs[0]!;
    probe.ok(end, id);
    assert.equal(clusters.sent[0]!.options.signal.aborted, true);
    clusters.sent[0]!.answer({ body: messages(["grpc-status", "0"], "x") });
    await settle();
    assert.deepEqual(told, []);
    assert.equal(probe.call(end, id).status, Status.NOT_FOUND);
    assert.equal(probe.call(end, 4).status, Status.BAD_ARGUMENT);
    assert.equal(probe.call(end, 7).status, Status.BAD_ARGUMENT);
  }
  const { clusters, probe, told, stream } = setUp();
  stream();
  probe.on({ onGrpcReceive: (_root, call) => probe.ok("proxy_grpc_cancel", call) });
  clusters.sent[0]!.answer({ body: messages(["grpc-status", "0"], "x", "y") });
  await settle();
  assert.deepEqual((told as unknown[][]).map(([what]) => what), ["initial"]);
});

Deno.test("the upstream is a cluster or a service that names one; what is neither is refused", () => {
  const { clusters, probe, unary, stream } = setUp();
  assert.equal(unary(SERVICE("backend", "host.example")).status, 0);
  assert.equal(stream(SERVICE("backend")).status, 0);
  assert.deepEqual(clusters.sent.map(({ request }) => request.authority), ["host.example", "backend"]);
  assert.equal(clusters.sent[0]!.request.headers.get("x-service"), "s");
  assert.equal(unary("nobody").status, Status.PARSE_FAILURE);
  assert.equal(unary(SERVICE("nobody")).status, Status.INTERNAL_FAILURE);
  assert.equal(unary("").status, Status.BAD_ARGUMENT);
  const google = encode("envoy.config.core.v3.GrpcService", { googleGrpc: { targetUri: "x:1", statPrefix: "x" } });
  assert.equal(stream(google).status, Status.BAD_ARGUMENT);
  assert.equal(probe.call("proxy_grpc_call", "backend", "a b", "Do", NO_METADATA, "", 0, OUT).status, 2);
  assert.equal(probe.call("proxy_grpc_stream", "backend", "s", "m", pairsOf(["x", "\n"]), OUT).status, 2);
  assert.equal(new WasmProbe().call("proxy_grpc_stream", "backend", "s", "m", NO_METADATA, OUT).status, 4);
  assert.equal(probe.call("proxy_grpc_send", 5, "x", 0).status, Status.BAD_ARGUMENT);
  assert.equal(probe.call("proxy_grpc_send", 66, "x", 0).status, Status.NOT_FOUND);
  assert.equal(clusters.sent.length, 2);
  // What an authority cannot hold is written as istiod writes it.
  unary("outbound|80|v1|backend.default");
  assert.equal(clusters.sent[2]!.request.authority, "outbound_.80_.v1_.backend.default");
});

Deno.test("calls end with their root and their VM; what waits to be sent is limited", async () => {
  for (const how of ["root", "vm"]) {
    const { clusters, probe, told, unary, stream } = setUp();
    unary();
    stream();
    clusters.sent[0]!.answer({ body: messages(["grpc-status", "0"], "x") });
    if (how === "root") probe.root.close();
    else {
      probe.vm.run(probe.root, () => {
        throw new Error("Trap");
      });
    }
    await settle();
    assert.deepEqual(told, []);
    assert.deepEqual(clusters.sent.map(({ options }) => options.signal.aborted), [true, true]);
  }
  const { clusters, probe, stream } = setUp();
  const id = stream().outs[0]!;
  const chunk = new Uint8Array(900_000);
  let count = 0;
  probe.inside(() => {
    while (probe.call("proxy_grpc_send", id, chunk, 0).status === 0) count++;
  });
  assert.equal(count, 74);
  await clusters.sent[0]!.request.body!.read();
  assert.equal(probe.call("proxy_grpc_send", id, chunk, 0).status, 0);
  assert.equal(probe.call("proxy_grpc_send", id, chunk, 0).status, Status.INTERNAL_FAILURE);
  probe.ok("proxy_grpc_cancel", id);
  const again = stream().outs[0]!;
  assert.equal(probe.call("proxy_grpc_send", again, chunk, 0).status, 0);
});
