import assert from "node:assert/strict";
import { GrpcStatus, grpcStatusName, grpcStatusOfHttp, parseGrpcStatus } from "../../lib/grpc/status.ts";

Deno.test("codes have their numbers and names", () => {
  assert.equal(GrpcStatus.UNAVAILABLE, 14);
  assert.equal(GrpcStatus.UNAUTHENTICATED, 16);
  assert.equal(grpcStatusName(5), "NOT_FOUND");
  assert.equal(grpcStatusName(99), "99");
});

Deno.test("what is no status is UNKNOWN", () => {
  assert.equal(parseGrpcStatus("0"), 0);
  for (const text of ["", "-1", "x", "1.5", "12345"]) assert.equal(parseGrpcStatus(text), GrpcStatus.UNKNOWN, text);
});

Deno.test("HTTP statuses map as gRPC says", () => {
  const cases = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14, 200: 2, 500: 2 };
  for (const [http, grpc] of Object.entries(cases)) assert.equal(grpcStatusOfHttp(Number(http)), grpc, http);
});
