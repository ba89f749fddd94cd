import fc from "fast-check";
import assert from "node:assert/strict";
import { decodeGrpcMessage, encodeGrpcMessage } from "../../lib/grpc/grpc_message.ts";
import { isFieldValue } from "../../lib/http/http2/hpack_field.ts";

Deno.test("messages are percent-encoded as gRPC does", () => {
  assert.equal(encodeGrpcMessage("not found"), "not found");
  assert.equal(encodeGrpcMessage("100%"), "100%25");
  assert.equal(
    encodeGrpcMessage("\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n").toLowerCase(),
    [
      "%09%0atest with whitespace%0d%0aand unicode bmp %e2%98%ba and non-bmp %f0%9f%98%88%09%0a",
    ].join(""),
  );
  assert.equal(decodeGrpcMessage("a%zz%4"), "a%zz%4", "a wrong escape stays");
});

Deno.test("any text survives and is a header value", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const encoded = encodeGrpcMessage(text);
    assert.ok(isFieldValue(encoded));
    assert.equal(decodeGrpcMessage(encoded), text);
  }));
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void decodeGrpcMessage(text)));
});
