import assert from "node:assert/strict";
import { HeadersView } from "../../lib/filter/filter_headers.ts";
import { HeaderList } from "../../lib/http/header_list.ts";

Deno.test("headers are those of the message, by names in any case", () => {
  const list = new HeaderList(["accept", "a", "set-cookie", "b", "accept", "c", "set-cookie", "d"]);
  const headers = new HeadersView(list);
  assert.equal(headers.get("Accept"), "a, c");
  assert.equal(headers.get("x"), null);
  assert.deepEqual(headers.getSetCookie(), ["b", "d"]);
  assert.ok(headers.has("ACCEPT"));
  headers.set("Accept", " e ");
  headers.append("X-New", "f");
  headers.delete("Set-Cookie");
  assert.deepEqual([...headers], [["accept", "e"], ["x-new", "f"]]);
  assert.deepEqual(list.pairs, ["accept", "e", "x-new", "f"]);
});

Deno.test("what must not be in a message throws, and changes nothing", () => {
  const list = new HeaderList();
  const headers = new HeadersView(list);
  for (
    const [name, value] of [
      ["x\r\ny", "a"],
      ["", "a"],
      ["x y", "a"],
      ["x", "a\r\nb: c"],
      ["x", "a\0"],
      ["x", "\u0100"],
      ["Host", "a"],
      ["Connection", "close"],
      ["Transfer-Encoding", "chunked"],
      ["Content-Length", "1"],
      [":path", "/"],
    ] as const
  ) {
    assert.throws(() => headers.set(name, value), TypeError, name);
    assert.throws(() => headers.append(name, value), TypeError, name);
  }
  assert.deepEqual(list.pairs, []);
});
