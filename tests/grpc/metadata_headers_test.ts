import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { headersOfMetadata, metadataFromHeaders } from "../../lib/grpc/metadata_headers.ts";
import { HeaderList } from "../../lib/http/header_list.ts";

Deno.test("metadata comes from header fields, without the protocol's own", () => {
  const headers = new HeaderList([
    ...["content-type", "application/grpc", "te", "trailers", "grpc-timeout", "1S", "grpc-encoding", "gzip"],
    ...["grpc-accept-encoding", "gzip", "accept-encoding", "gzip", "user-agent", "me", "x-a", "1", "x-a", "2"],
    ...["x-bin", "AAH/, Bw", "x-bin", "", "x-odd", "caf\xe9", "x/odd", "1"],
  ]);
  assert.deepEqual(metadataFromHeaders(new grpc.Metadata(), headers).toJSON(), {
    "user-agent": ["me"],
    "x-a": ["1", "2"],
    "x-bin": [Buffer.from([0, 1, 255]), Buffer.from([7]), Buffer.alloc(0)],
  });
});

Deno.test("header fields come from metadata of any copy of grpc-js", () => {
  const metadata = new grpc.Metadata();
  metadata.add("X-A", "1");
  metadata.add("x-a", "2");
  metadata.set("x-bin", Buffer.from([0, 1, 255]));
  metadata.set("grpc-status", "0");
  assert.deepEqual(headersOfMetadata(metadata), ["x-a", "1", "x-a", "2", "x-bin", "AAH/"]);
  assert.deepEqual(headersOfMetadata({ toHttp2Headers: () => ({ n: 1, none: undefined }) }), ["n", "1"]);
  for (const nothing of [undefined, null, "text", {}]) assert.deepEqual(headersOfMetadata(nothing), []);
});
