import assert from "node:assert/strict";
import { acceptOf, isHandshakeKey, newHandshakeKey, readProtocols } from "../../../lib/http/websocket/handshake.ts";

Deno.test("acceptOf() answers the key of RFC 6455 section 1.3", async () => {
  assert.equal(await acceptOf("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

Deno.test("isHandshakeKey() takes sixteen bytes in base64 and nothing else", () => {
  assert.ok(isHandshakeKey(newHandshakeKey()));
  for (const key of ["", "AAAA", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZ!=="]) {
    assert.ok(!isHandshakeKey(key), key);
  }
});

Deno.test("readProtocols() reads a list of tokens", () => {
  assert.deepEqual(readProtocols("a, b ,c"), ["a", "b", "c"]);
  for (const list of ["", "a,", "a b", "a;b"]) assert.equal(readProtocols(list), null, list);
});
