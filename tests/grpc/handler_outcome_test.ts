import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { handlerOutcome } from "../../lib/grpc/handler_outcome.ts";
import { GrpcStatus } from "../../lib/grpc/status.ts";

Deno.test("an error's shape decides, not its class", () => {
  const cases: [unknown, number, string][] = [
    [new Error("Why"), GrpcStatus.UNKNOWN, "Why"],
    [Object.assign(new Error("Why"), { code: 5 }), GrpcStatus.NOT_FOUND, "Why"],
    [Object.assign(new Error("Why"), { code: 5, details: "told" }), GrpcStatus.NOT_FOUND, "told"],
    [Object.assign(new Error("Why"), { code: "ENOENT", details: "told" }), GrpcStatus.UNKNOWN, "Why"],
    [{ code: 7 }, GrpcStatus.PERMISSION_DENIED, "Unknown Error"],
    [{ code: 1.5 }, GrpcStatus.UNKNOWN, "Unknown Error"],
    [{ details: "told" }, GrpcStatus.UNKNOWN, "Unknown Error"],
    [{ code: 0, details: "fine" }, GrpcStatus.OK, "fine"],
    ["text", GrpcStatus.UNKNOWN, "Unknown Error"],
    [null, GrpcStatus.UNKNOWN, "Unknown Error"],
  ];
  for (const [error, status, details] of cases) {
    assert.deepEqual(handlerOutcome(error), { status, details, metadata: null });
  }
});

Deno.test("metadata comes from the error, or from the trailers given", () => {
  const own = new grpc.Metadata();
  own.set("x-own", "1");
  const given = new grpc.Metadata();
  given.set("x-given", "2");
  const error = { code: 5, metadata: own };
  assert.deepEqual(handlerOutcome(error).metadata?.pairs, ["x-own", "1"]);
  assert.deepEqual(handlerOutcome(error, given).metadata?.pairs, ["x-given", "2"]);
  assert.equal(handlerOutcome({ code: 5, metadata: "none" }).metadata, null);
});
