import assert from "node:assert/strict";
import {
  grpcStatusName,
  grpcStatusOf,
  grpcStatusOfHttp,
  hasGrpcContentType,
  httpStatusOfGrpc,
} from "../../lib/formatter/grpc_status.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { fakeStreamInfo } from "./fake_stream_info.ts";

Deno.test("knows gRPC by its content type", () => {
  const table: [string, boolean][] = [
    ["application/grpc", true],
    ["application/grpc+proto", true],
    ["application/grpc-web", false],
    ["application/json", false],
  ];
  for (const [type, grpc] of table) {
    assert.equal(hasGrpcContentType(new HeaderList(["content-type", type])), grpc, type);
  }
  assert.equal(hasGrpcContentType(null), false);
});

Deno.test("takes the status from trailers, then headers, then the HTTP status", () => {
  const requestHeaders = new HeaderList(["content-type", "application/grpc"]);
  const with5 = new HeaderList(["grpc-status", "5"]);
  const with7 = new HeaderList(["grpc-status", "7"]);
  const garbage = new HeaderList(["grpc-status", "abc"]);
  const table: [Parameters<typeof fakeStreamInfo>[0], number | null][] = [
    [{ responseTrailers: with5, responseHeaders: with7 }, 5],
    [{ responseTrailers: null, responseHeaders: with7 }, 7],
    [{ responseTrailers: garbage, responseHeaders: null, responseCode: 200 }, 2],
    [{ responseHeaders: null, responseCode: 503 }, 14],
    [{ responseHeaders: null, responseCode: 404 }, 12],
    [{ responseHeaders: null, responseCode: 0 }, null],
  ];
  for (const [overrides, status] of table) {
    assert.equal(grpcStatusOf(fakeStreamInfo({ requestHeaders, ...overrides })), status);
  }
  assert.equal(grpcStatusOf(fakeStreamInfo({ responseTrailers: with5 })), null, "no gRPC request");
});

Deno.test("names status codes", () => {
  assert.equal(grpcStatusName(0), "OK");
  assert.equal(grpcStatusName(1, "snake"), "CANCELLED");
  assert.equal(grpcStatusName(4, "snake"), "DEADLINE_EXCEEDED");
  assert.equal(grpcStatusName(99), "99");
});

Deno.test("gRPC statuses stand for HTTP statuses as in Envoy", () => {
  const cases = { 0: 200, 1: 499, 2: 500, 4: 504, 8: 429, 12: 501, 14: 503, 16: 401, 17: 500 };
  for (const [grpc, http] of Object.entries(cases)) assert.equal(httpStatusOfGrpc(Number(grpc)), http, grpc);
});

Deno.test("HTTP statuses map as gRPC says", () => {
  const cases = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14, 200: 2, 500: 2 };
  for (const [http, grpc] of Object.entries(cases)) assert.equal(grpcStatusOfHttp(Number(http)), grpc, http);
});
