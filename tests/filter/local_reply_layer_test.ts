import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { localReplyLayer } from "../../lib/filter/local_reply_layer.ts";
import { readAll } from "../../lib/http/body.ts";
import { callOf, filterContext, request } from "../support/calls.ts";

async function reply(error: unknown, pairs: string[] = []) {
  const message = request({ pairs });
  const call = callOf(message);
  const lines: string[] = [];
  const context = filterContext({ logger: { log: (_, line) => void lines.push(line) } });
  const response = await localReplyLayer(context)(() => Promise.reject(error))(message, call);
  return { response, call, lines, text: new TextDecoder().decode((await readAll(response.body))!) };
}

Deno.test("localReplyLayer() answers with status, flag and message of a MeshError", async () => {
  const { response, call, text } = await reply(new MeshError("NO_HEALTHY_UPSTREAM", "Cannot reach 'reviews'"));
  assert.equal(response.status, 503);
  assert.equal(call.responseFlags, "UH");
  assert.equal(call.responseCodeDetails, "no_healthy_upstream");
  assert.equal(text, "Cannot reach 'reviews'");
  assert.equal(call.response, response);
});

Deno.test("localReplyLayer() answers gRPC callers with a status they understand", async () => {
  const { response } = await reply(new MeshError("NO_ROUTE_FOUND", "No route"), ["content-type", "application/grpc"]);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("grpc-status"), "12");
});

Deno.test("localReplyLayer() keeps the text of unknown errors from the peer and logs it", async () => {
  const { response, text, lines } = await reply(new TypeError("Secret detail"));
  assert.equal(response.status, 500);
  assert.doesNotMatch(text, /Secret/);
  assert.match(lines.join("\n"), /Secret detail/);
});

Deno.test("localReplyLayer() gives a caller that has given up its own reason, also from a synchronous throw", async () => {
  const message = request();
  const call = callOf(message);
  const reason = new DOMException("Aborted", "AbortError");
  call.exchange.cancel(reason);
  const layer = localReplyLayer(filterContext())(() => {
    throw reason;
  });
  await assert.rejects(layer(message, call), (error) => error === reason);
  assert.equal(call.responseFlags, "DC");
});
