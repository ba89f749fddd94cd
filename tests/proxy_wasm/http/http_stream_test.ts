import assert from "node:assert/strict";
import { type Body, QueueBody, readAll } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import type { HttpStream } from "../../../lib/proxy_wasm/http/http_stream.ts";
import { recorder } from "../../support/wasm_recorder.ts";
import { bytesBody, textResponse, WasmStreamRig } from "../../support/wasm_stream.ts";

const REPLY = `(drop (call $reply (i32.const 403) (i32.const 512) (i32.const 8) (i32.const 520) (i32.const 6)
  (i32.const 0) (i32.const 0) (i32.const -1)))`;
const REPLY_DATA = `(data (i32.const 512) "my cause") (data (i32.const 520) "denied")`;
const STOP = "(i32.const 1)";

function queue(): QueueBody {
  return new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Lets promises that are settled run on. */
async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** The stream under way in the rig's VM. */
async function streamOf(rig: WasmStreamRig): Promise<HttpStream> {
  const root = await rig.started();
  return root.vm.find(root.id + 1) as HttpStream;
}

Deno.test("a request without content: callbacks come in Envoy's order", async () => {
  await using rig = new WasmStreamRig(recorder());
  const { response, text } = await rig.send();
  assert.equal(response.status, 200);
  assert.equal(text, "ok");
  assert.deepEqual(rig.logged, [
    "create 1 0",
    "start 1 0",
    "configure 1 0",
    "create 2 1",
    "req-headers 4 1",
    "res-headers 1 0",
    "res-body 2 1",
    "log 2 0",
    "done 2 0",
    "delete 2 0",
  ]); // deno-fmt-ignore
});

Deno.test("content and trailers that are all there are shown once, and end with the trailers", async () => {
  await using rig = new WasmStreamRig(recorder());
  rig.upstream = async (request) => {
    assert.equal(new TextDecoder().decode((await readAll(request.body))!), "hello");
    assert.equal(request.body!.trailers!.get("x-t"), "1");
    return { status: 200, headers: new HeaderList(), body: bytesBody("ok", new HeaderList(["x-u", "2", "x-v", "3"])) };
  };
  const { response } = await rig.send({ method: "POST", body: bytesBody("hello", new HeaderList(["x-t", "1"])) });
  assert.equal(response.body!.trailers!.get("x-u"), "2");
  assert.deepEqual(rig.takeLog().filter((line) => /^re/.test(line)), [
    "req-headers 4 0",
    "req-body 5 0",
    "req-trailers 1 0",
    "res-headers 1 0",
    "res-body 2 0",
    "res-trailers 2 0",
  ]); // deno-fmt-ignore
});

Deno.test("content that comes in chunks is shown chunk by chunk as it is read", async () => {
  await using rig = new WasmStreamRig(recorder());
  await rig.started();
  const body = queue();
  const outcome = rig.send({ body });
  await turn();
  body.push(bytes("one"));
  await turn();
  body.push(bytes("three"));
  await turn();
  body.end();
  await outcome;
  assert.equal(rig.received[0]!.body, "onethree");
  assert.deepEqual(rig.logged.filter((line) => line.startsWith("req-body")), [
    "req-body 3 0",
    "req-body 5 0",
    "req-body 0 1",
  ]);
});

Deno.test("a declared length lets the last chunk say that it is the last", async () => {
  await using rig = new WasmStreamRig(recorder());
  await rig.started();
  const body = new QueueBody(5, { consumed: () => {}, cancelled: () => {} });
  const outcome = rig.send({ body, pairs: ["content-length", "5"] });
  await turn();
  body.push(bytes("one"));
  await turn();
  body.push(bytes("45"));
  body.end();
  await outcome;
  assert.deepEqual(rig.logged.filter((line) => line.startsWith("req-body")), ["req-body 3 0", "req-body 2 1"]);
});

Deno.test("a call that is over before its content was read is logged after the module has seen the content", async () => {
  await using rig = new WasmStreamRig(recorder());
  await rig.started();
  const body = queue();
  rig.upstream = () => Promise.resolve({ status: 200, headers: new HeaderList([]), body });
  await rig.begin();
  body.push(bytes("one"));
  body.end();
  rig.call!.exchange.complete();
  await turn();
  assert.deepEqual(rig.takeLog().slice(-6), [
    "res-headers 1 0",
    "res-body 3 0",
    "res-body 0 1",
    "log 2 0",
    "done 2 0",
    "delete 2 0",
  ]);
});

Deno.test("a pause at headers holds everything until the module continues", async () => {
  await using rig = new WasmStreamRig(recorder({ requestHeaders: STOP }));
  await rig.started();
  const pending = rig.begin({ body: bytesBody("hello") });
  await turn();
  assert.equal(rig.received.length, 0);
  assert.deepEqual(rig.takeLog().slice(-1), ["req-headers 4 0"]);
  (await streamOf(rig)).continueStream(0);
  const response = await pending;
  assert.equal(response.status, 200);
  assert.equal(rig.received[0]!.body, "hello");
  assert.deepEqual(rig.takeLog(), ["req-body 5 1", "res-headers 1 0", "res-body 2 1"]);
  rig.call!.exchange.complete();
});

Deno.test("headers of both directions may wait for their content", async () => {
  const untilEnd = "(i32.eqz (local.get $end))";
  const actions = { requestHeaders: STOP, requestBody: untilEnd, responseHeaders: STOP, responseBody: untilEnd };
  await using rig = new WasmStreamRig(recorder(actions), { allowOnHeadersStopIteration: true });
  await rig.started();
  const [up, down] = [queue(), queue()];
  rig.upstream = async (request) => {
    await readAll(request.body);
    return { status: 200, headers: new HeaderList([]), body: down };
  };
  const pending = rig.begin({ body: up });
  await turn();
  up.end();
  await turn();
  down.push(bytes("answer"));
  await turn();
  down.end();
  assert.equal((await pending).status, 200);
  rig.call!.exchange.complete();
});

Deno.test("a module that continues within the callback that pauses does not pause", async () => {
  const both = "(drop (call $continue (i32.const 0))) (i32.const 1)";
  const answer = "(drop (call $continue (i32.const 1))) (i32.const 1)";
  await using rig = new WasmStreamRig(recorder({ requestHeaders: both, responseHeaders: answer }));
  const { response, text } = await rig.send();
  assert.equal(response.status, 200);
  assert.equal(text, "ok");
});

Deno.test("allow_on_headers_stop_iteration: content is shown while headers wait, and lets them pass", async () => {
  const requestBody = "(i32.eqz (local.get $end))";
  await using rig = new WasmStreamRig(recorder({ requestHeaders: STOP, requestBody }), {
    allowOnHeadersStopIteration: true,
  });
  await rig.started();
  const body = queue();
  const pending = rig.begin({ body });
  body.push(bytes("one"));
  await turn();
  assert.equal(rig.received.length, 0);
  body.push(bytes("two"));
  await turn();
  body.end();
  await pending;
  assert.equal(rig.received[0]!.body, "onetwo");
  assert.deepEqual(rig.logged.filter((line) => line.startsWith("req-body")), [
    "req-body 3 0",
    "req-body 6 0",
    "req-body 6 1",
  ]);
  rig.call!.exchange.complete();
});

Deno.test("a pause with content buffers it: what follows is shown together with it, and passes at once", async () => {
  const requestBody = "(i32.eqz (local.get $end))";
  await using rig = new WasmStreamRig(recorder({ requestBody }));
  const chunks: string[] = [];
  rig.upstream = async (request) => {
    for (let chunk = await request.body!.read(); chunk !== null; chunk = await request.body!.read()) {
      chunks.push(new TextDecoder().decode(chunk));
    }
    return textResponse("ok");
  };
  await rig.started();
  const body = queue();
  const outcome = rig.send({ body });
  await turn();
  body.push(bytes("one"));
  await turn();
  body.push(bytes("two"));
  await turn();
  assert.deepEqual(chunks, []);
  body.end();
  await outcome;
  assert.deepEqual(chunks, ["onetwo"]);
});

Deno.test("content that is not to be buffered is left out", async () => {
  await using rig = new WasmStreamRig(
    recorder({ requestBody: "(select (i32.const 3) (i32.const 0) (i32.eq (local.get $size) (i32.const 3)))" }),
  );
  await rig.started();
  const body = queue();
  const outcome = rig.send({ body });
  await turn();
  body.push(bytes("one"));
  await turn();
  body.push(bytes("four"));
  await turn();
  body.end();
  await outcome;
  assert.equal(rig.received[0]!.body, "four");
});

Deno.test("a module that holds back content up to a watermark stops the sender", async () => {
  await using rig = new WasmStreamRig(recorder({ requestBody: "(i32.const 2)" }));
  await rig.started();
  const body = queue();
  const pending = rig.begin({ body });
  await turn();
  for (let i = 0; i < 4; i++) {
    body.push(new Uint8Array(600_000));
    await turn();
  }
  // Two chunks are above a MiB; the others were left with the codec.
  assert.equal(body.buffered, 1_200_000);
  (await streamOf(rig)).continueStream(0);
  body.end();
  await turn();
  (await streamOf(rig)).continueStream(0);
  await turn();
  (await streamOf(rig)).continueStream(0);
  await pending;
  assert.equal(rig.received[0]!.body.length, 2_400_000);
  rig.call!.exchange.complete();
});

Deno.test("a module that buffers more than the limit has the request refused with 413", async () => {
  await using rig = new WasmStreamRig(recorder({ requestBody: STOP }));
  await rig.started();
  const body = queue();
  const pending = rig.begin({ body });
  await turn();
  body.push(new Uint8Array(600_000));
  await turn();
  body.push(new Uint8Array(600_000));
  const response = await pending;
  assert.equal(response.status, 413);
  assert.equal(rig.call!.responseCodeDetails, "request_payload_too_large");
  rig.call!.exchange.complete();
});

Deno.test("a local response goes through the module's own response callbacks, and nowhere else", async () => {
  await using rig = new WasmStreamRig(recorder({ requestHeaders: `${REPLY} ${STOP}`, more: REPLY_DATA }));
  const { response, text } = await rig.send();
  assert.equal(response.status, 403);
  assert.equal(text, "denied");
  assert.equal(response.headers.get("content-type"), "text/plain");
  assert.equal(rig.call!.responseCodeDetails, "my_cause");
  assert.equal(rig.received.length, 0);
  assert.deepEqual(rig.takeLog().slice(2), [
    "req-headers 4 1",
    "res-headers 3 0",
    "res-body 6 1",
    "log 2 0",
    "done 2 0",
    "delete 2 0",
  ]); // deno-fmt-ignore
});

Deno.test("a local response to content ends what is under way upstream", async () => {
  const requestBody = `(if (i32.eq (local.get $size) (i32.const 3)) (then ${REPLY})) (i32.const 0)`;
  await using rig = new WasmStreamRig(recorder({ requestBody, more: REPLY_DATA }));
  await rig.started();
  let upstream: Body | null = null;
  const upstreamFailed = Promise.withResolvers<unknown>();
  rig.upstream = (request, call) => {
    upstream = request.body;
    readAll(request.body).catch((reason) => upstreamFailed.resolve(reason));
    return new Promise((_, reject) => call.onAbandon = reject);
  };
  const body = queue();
  const pending = rig.begin({ body });
  await turn();
  body.push(bytes("four"));
  await turn();
  assert.notEqual(upstream, null);
  body.push(bytes("bad"));
  const response = await pending;
  assert.equal(response.status, 403);
  assert.match(String(await upstreamFailed.promise), /Wasm plugin 'test' has answered it/);
  assert.equal(rig.call!.abandoned, true);
  rig.call!.exchange.complete();
});

Deno.test("an answer of the upstream that comes after a local response is let go, unseen by the module", async () => {
  const requestBody = `(if (i32.eq (local.get $size) (i32.const 3)) (then ${REPLY})) (i32.const 0)`;
  await using rig = new WasmStreamRig(recorder({ requestBody, more: REPLY_DATA }));
  await rig.started();
  const late = Promise.withResolvers<void>();
  let cancelled = false;
  rig.upstream = async (request) => {
    readAll(request.body).catch(() => {});
    await late.promise;
    return {
      status: 200,
      headers: new HeaderList(["x-late", "1"]),
      body: new QueueBody(null, { consumed: () => {}, cancelled: () => cancelled = true }),
    };
  };
  const body = queue();
  const pending = rig.begin({ body });
  await turn();
  body.push(bytes("bad"));
  const response = await pending;
  rig.takeLog();
  late.resolve();
  await turn();
  assert.equal(response.status, 403);
  assert.equal(rig.call!.response, response);
  assert.equal(cancelled, true);
  assert.deepEqual(rig.takeLog(), []);
  rig.call!.exchange.complete();
});

Deno.test("headers of a local response: lower case, without what would break the message", async () => {
  // Two pairs: `X-One: 1` and a name with a line break.
  const pairs = String.raw`\02\00\00\00\05\00\00\00\01\00\00\00\03\00\00\00\01\00\00\00X-One\001\00a\0ab\002\00`;
  const reply = `(drop (call $reply (i32.const 999) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 512) (i32.const 34) (i32.const 99)))`;
  await using rig = new WasmStreamRig(recorder({
    requestHeaders: `${reply} ${STOP}`,
    more: `(data (i32.const 512) "${pairs}")`,
  }));
  const { response } = await rig.send();
  assert.equal(response.status, 999);
  assert.deepEqual(response.headers.pairs, ["x-one", "1", "content-length", "0"]);
  assert.equal(rig.call!.responseCodeDetails, "wasm_local_response");
});

Deno.test("a stream that is closed while the upstream works is reset, not answered", async () => {
  await using rig = new WasmStreamRig(recorder());
  await rig.started();
  rig.upstream = (_, call) => new Promise((_, reject) => call.onAbandon = reject);
  const pending = rig.begin();
  await turn();
  (await streamOf(rig)).closeStream(0);
  await assert.rejects(pending, /has closed it/);
  assert.equal(rig.call!.exchange.cancelled, true);
  rig.call!.exchange.complete();
});

Deno.test("a local response in place of a response replaces it, without callbacks", async () => {
  await using rig = new WasmStreamRig(recorder({ responseHeaders: `${REPLY} ${STOP}`, more: REPLY_DATA }));
  const { response, text } = await rig.send();
  assert.equal(response.status, 403);
  assert.equal(text, "denied");
  assert.deepEqual(rig.takeLog().filter((line) => line.startsWith("res")), ["res-headers 1 0"]);
});

Deno.test("a pause of the response holds it until the module continues", async () => {
  await using rig = new WasmStreamRig(recorder({ responseHeaders: STOP }));
  await rig.started();
  const pending = rig.begin();
  let settled = false;
  void pending.then(() => settled = true);
  await turn();
  assert.equal(settled, false);
  (await streamOf(rig)).continueStream(1);
  const response = await pending;
  assert.equal(new TextDecoder().decode((await readAll(response.body))!), "ok");
  rig.call!.exchange.complete();
  assert.deepEqual(rig.takeLog().slice(-5), ["res-headers 1 0", "res-body 2 1", "log 2 0", "done 2 0", "delete 2 0"]);
});

Deno.test("a pause of the response to a request with content that was streamed ends as well", async () => {
  await using rig = new WasmStreamRig(recorder({ responseHeaders: STOP }));
  await rig.started();
  const body = queue();
  const pending = rig.begin({ body });
  await turn();
  body.end();
  await turn();
  assert.equal(rig.received.length, 1);
  (await streamOf(rig)).continueStream(1);
  assert.equal((await pending).status, 200);
  rig.call!.exchange.complete();
});

Deno.test("content of the response is changed", async () => {
  const responseBody =
    `(drop (call $set_buffer (i32.const 1) (i32.const 0) (local.get $size) (i32.const 520) (i32.const 6)))
    (i32.const 0)`;
  await using rig = new WasmStreamRig(recorder({ responseBody, more: REPLY_DATA }));
  const { text } = await rig.send();
  assert.equal(text, "denied");
});

Deno.test("naming trailers in the last callback with content makes some", async () => {
  const requestBody = `(if (local.get $end) (then (drop (call $add (i32.const 1) (i32.const 520) (i32.const 6)
    (i32.const 520) (i32.const 6))))) (i32.const 0)`;
  await using rig = new WasmStreamRig(recorder({ requestBody, more: REPLY_DATA }));
  await rig.send({ body: bytesBody("hello") });
  assert.deepEqual(rig.received[0]!.request.body!.trailers!.pairs, ["denied", "denied"]);
});

Deno.test("a caller that gives up ends the wait, and the stream", async () => {
  await using rig = new WasmStreamRig(recorder({ requestHeaders: STOP }));
  await rig.started();
  const pending = rig.begin();
  await turn();
  rig.call!.exchange.cancel(new Error("Cannot wait: gone"));
  await assert.rejects(pending, /gone/);
  rig.call!.exchange.complete();
  assert.deepEqual(rig.takeLog().slice(-3), ["log 2 0", "done 2 0", "delete 2 0"]);
  assert.equal((await rig.started()).vm.size, 1);
});

Deno.test("a stream the module closes is reset", async () => {
  await using rig = new WasmStreamRig(recorder({ requestHeaders: "(drop (call $close (i32.const 0))) (i32.const 0)" }));
  await rig.started();
  await assert.rejects(rig.begin(), /Wasm plugin 'test' has closed it/);
  assert.equal(rig.call!.exchange.cancelled, true);
  assert.equal(rig.call!.responseCodeDetails, "wasm_close_stream");
  rig.call!.exchange.complete();
});

Deno.test("a trap answers this stream and every later one with 503, and passes them by where the policy is open", async () => {
  for (const failurePolicy of ["closed", "open"] as const) {
    await using rig = new WasmStreamRig(recorder({ requestHeaders: "(unreachable)" }), { failurePolicy });
    for (let i = 0; i < 2; i++) {
      const { response } = await rig.send();
      assert.equal(response.status, failurePolicy === "open" ? 200 : 503);
      if (failurePolicy === "closed") assert.equal(rig.call!.responseCodeDetails, "wasm_fail_stream");
    }
    assert.equal(
      rig.environment.lines.filter((line) => line.startsWith("error Wasm: Cannot run a callback")).length,
      1,
    );
  }
});

Deno.test("a trap at content or with the response fails closed too", async () => {
  for (const actions of [{ requestBody: "(unreachable)" }, { responseHeaders: "(unreachable)" }]) {
    await using rig = new WasmStreamRig(recorder(actions));
    const { response } = await rig.send({ body: bytesBody("hello") });
    assert.equal(response.status, 503);
  }
});

Deno.test("a stream that waits when the VM fails elsewhere is answered", async () => {
  const requestHeaders = `(if (i32.eq (local.get $n) (i32.const 5)) (then (unreachable))) ${STOP}`;
  await using rig = new WasmStreamRig(recorder({ requestHeaders }));
  await rig.started();
  const waiting = rig.begin();
  const waitingCall = rig.call!;
  await turn();
  const { response } = await rig.send({ pairs: ["x-trap", "1"] });
  assert.equal(response.status, 503);
  assert.equal((await waiting).status, 503);
  waitingCall.exchange.complete();
});

Deno.test("a module that changes the headers of a request has its route chosen anew, once, before it goes on", async () => {
  const change = `(drop (call $replace (i32.const 0) (i32.const 512) (i32.const 5) (i32.const 520) (i32.const 4)))
    (drop (call $add (i32.const 0) (i32.const 528) (i32.const 3) (i32.const 520) (i32.const 4))) (i32.const 0)`;
  const more = `(data (i32.const 512) ":path") (data (i32.const 520) "/new") (data (i32.const 528) "x-a")`;
  for (
    const [actions, times] of [[{ requestHeaders: change, more }, 1], [{ responseHeaders: change, more }, 0]] as const
  ) {
    await using rig = new WasmStreamRig(recorder(actions));
    await rig.started();
    let chosen = 0;
    rig.prepare = (call) => call.onClearRouteCache = () => chosen++;
    await rig.send();
    assert.equal(chosen, times);
    assert.equal(rig.received[0]!.request.path, times === 1 ? "/new" : "/path");
  }
});

Deno.test("when a stream is logged, the response is the one the caller got, and nothing can be changed", async () => {
  const log = `(drop (call $get (i32.const 2) (i32.const 512) (i32.const 7) (i32.const 1024) (i32.const 1028)))
    (call $show)
    (call $trace (i32.const 512) (i32.const 7)
      (call $get (i32.const 0) (i32.const 520) (i32.const 5) (i32.const 1024) (i32.const 1028))
      (call $add (i32.const 0) (i32.const 520) (i32.const 5) (i32.const 520) (i32.const 5)))
    (call $trace (i32.const 520) (i32.const 5)
      (call $get (i32.const 3) (i32.const 520) (i32.const 5) (i32.const 1024) (i32.const 1028))
      (call $reply (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const -1)))`;
  const more = `(data (i32.const 512) ":status") (data (i32.const 520) ":path")`;
  await using rig = new WasmStreamRig(recorder({ requestHeaders: STOP, log, more }));
  await rig.started();
  rig.begin().catch(() => {});
  await turn();
  // Someone outside has answered in the meantime.
  rig.call!.response = textResponse("late");
  rig.call!.response.status = 504;
  rig.call!.abandon(new Error("Cannot wait any longer"));
  await turn();
  rig.call!.exchange.complete();
  assert.deepEqual(rig.takeLog().slice(-6), ["log 2 0", "504", ":status 0 2", ":path 1 0", "done 2 0", "delete 2 0"]);
});

Deno.test("a caller that gives up while the module holds the response back ends the stream, whatever the module does", async () => {
  await using rig = new WasmStreamRig(recorder({ responseHeaders: STOP }));
  const root = await rig.started();
  let cancelled = false;
  rig.upstream = () =>
    Promise.resolve({
      status: 200,
      headers: new HeaderList(),
      body: new QueueBody(null, { consumed: () => {}, cancelled: () => cancelled = true }),
    });
  const pending = rig.begin();
  await turn();
  rig.call!.exchange.cancel(new Error("Cannot wait: gone"));
  await assert.rejects(pending, /gone/);
  rig.call!.exchange.complete();
  assert.equal(root.vm.size, 1);
  assert.equal(cancelled, true);
});
