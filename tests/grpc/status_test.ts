import assert from "node:assert/strict";
import { GrpcStatus, grpcStatusName, parseGrpcStatus } from "../../lib/grpc/status.ts";

Deno.test("codes have their numbers and names", () => {
  assert.equal(GrpcStatus.UNAVAILABLE, 14);
  assert.equal(GrpcStatus.UNAUTHENTICATED, 16);
  assert.equal(grpcStatusName(5), "NOT_FOUND");
  assert.equal(grpcStatusName(99), "99");
  for (const [name, code] of Object.entries(GrpcStatus)) assert.equal(grpcStatusName(code), name);
});

Deno.test("what is no status is UNKNOWN", () => {
  assert.equal(parseGrpcStatus("0"), 0);
  for (const text of ["", "-1", "x", "1.5", "1234567890"]) {
    assert.equal(parseGrpcStatus(text), GrpcStatus.UNKNOWN, text);
  }
});
