import assert from "node:assert/strict";
import { fieldKind } from "../../../lib/http/http2/hpack_field.ts";
import { MessageHead } from "../../../lib/http/http2/message_head.ts";

const REQUEST = [":method", "GET", ":scheme", "https", ":path", "/a?b", ":authority", "a.b:80"];

function head(fields: readonly string[]): MessageHead {
  const built = new MessageHead(10_000, 50);
  built.reset();
  for (let i = 0; i < fields.length; i += 2) {
    built.field(fields[i]!, fields[i + 1]!, fieldKind(fields[i]!, fields[i + 1]!));
  }
  return built;
}

function without(name: string, ...more: string[]): string[] {
  const at = REQUEST.indexOf(name);
  return [...REQUEST.slice(0, at), ...REQUEST.slice(at + 2), ...more];
}

Deno.test("a request comes apart into its parts", () => {
  const request = head([...REQUEST, "x-a", "1", "te", "trailers", "cookie", "a", "cookie", "b"]).takeRequest()!;
  const { headers, ...rest } = request;
  assert.deepEqual(rest, { method: "GET", scheme: "https", authority: "a.b:80", path: "/a?b" });
  assert.deepEqual(headers.pairs, ["x-a", "1", "te", "trailers", "cookie", "a; b"]);
  assert.equal(head([...REQUEST, "host", "A.b:80"]).takeRequest()!.headers.size, 0);
  assert.equal(head(without(":authority")).takeRequest()!.authority, "");
  const all = head([":method", "OPTIONS", ":scheme", "http", ":path", "*"]).takeRequest()!;
  assert.equal(all.path, "*");
  assert.equal(head([":method", "CONNECT", ":authority", "[::1]:80"]).takeRequest()!.path, "");
});

const MALFORMED: Record<string, string[]> = {
  "no :method": without(":method"),
  "no :scheme": without(":scheme"),
  "no :path": without(":path"),
  "an empty :path": without(":path", ":path", ""),
  "a :path without a slash": without(":path", ":path", "a"),
  "a :path with a blank": without(":path", ":path", "/a b"),
  "* without OPTIONS": without(":path", ":path", "*"),
  ":method twice": [":method", "GET", ...REQUEST],
  ":path twice": [":path", "/", ...REQUEST],
  ":scheme twice": [":scheme", "http", ...REQUEST],
  ":authority twice": [":authority", "a.b:80", ...REQUEST],
  ":status in a request": [":status", "200", ...REQUEST],
  "an unknown pseudo-header": [":protocol", "websocket", ...REQUEST],
  "a pseudo-header behind a field": without(":path", "x-a", "1", ":path", "/"),
  "a method that is no token": without(":method", ":method", "G T"),
  "an authority with user information": without(":authority", ":authority", "me@a.b"),
  "an authority with a slash": without(":authority", ":authority", "a/b"),
  "host and :authority that differ": [...REQUEST, "host", "other"],
  "host twice": without(":authority", "host", "a", "host", "b"),
  "an upper-case name": [...REQUEST, "X-A", "1"],
  "a name with a blank": [...REQUEST, "x a", "1"],
  "an empty name": [...REQUEST, "", "1"],
  "a name with a colon": [...REQUEST, "x:a", "1"],
  "a line end in a value": [...REQUEST, "x-a", "1\r\nx-b: 2"],
  "a NUL in a value": [...REQUEST, "x-a", "\0"],
  "a value that begins with a blank": [...REQUEST, "x-a", " a"],
  "a value that ends with a tab": [...REQUEST, "x-a", "a\t"],
  connection: [...REQUEST, "connection", "close"],
  "proxy-connection": [...REQUEST, "proxy-connection", "close"],
  "keep-alive": [...REQUEST, "keep-alive", "1"],
  "transfer-encoding": [...REQUEST, "transfer-encoding", "chunked"],
  upgrade: [...REQUEST, "upgrade", "websocket"],
  "te other than trailers": [...REQUEST, "te", "trailers, deflate"],
  "content-length that is no number": [...REQUEST, "content-length", "+5"],
  "content-length that differs": [...REQUEST, "content-length", "5", "content-length", "6"],
  "CONNECT with :path": [":method", "CONNECT", ":authority", "a:1", ":path", "/"],
  "CONNECT with :scheme": [":method", "CONNECT", ":authority", "a:1", ":scheme", "http"],
  "CONNECT without :authority": [":method", "CONNECT"],
};

for (const [name, fields] of Object.entries(MALFORMED)) {
  Deno.test(`malformed: ${name}`, () => {
    const built = head(fields);
    assert.equal(built.takeRequest(), null);
    assert.notEqual(built.malformed, null);
  });
}

Deno.test("the same content-length twice counts once", () => {
  const built = head([...REQUEST, "content-length", "5", "content-length", "5"]);
  assert.deepEqual(built.takeRequest()!.headers.getAll("content-length"), ["5"]);
  assert.equal(built.contentLength, 5);
});

Deno.test("a list above its limits is cut off, and one far above is a bomb", () => {
  const built = head(Array.from({ length: 60 }, () => ["x-a", "1"]).flat());
  assert.ok(built.tooLarge && !built.isBomb);
  const bomb = head(Array.from({ length: 100 }, () => ["x-a", "1".repeat(1000)]).flat());
  assert.ok(bomb.isBomb);
});
