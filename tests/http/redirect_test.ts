import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import { isRedirect, redirectTarget, stripForRedirect } from "../../lib/http/redirect.ts";

function target(status: number, location: string, method = "GET", url = "http://a.test/x/y?q#f") {
  return redirectTarget({ status, headers: new HeaderList(["location", location]) }, { url, method });
}

Deno.test("isRedirect() knows the statuses of the Fetch Standard", () => {
  const statuses = [200, 300, 301, 302, 303, 304, 305, 307, 308];
  assert.deepEqual(statuses.filter(isRedirect), [301, 302, 303, 307, 308]);
});

Deno.test("redirectTarget() resolves the location against the request", () => {
  const cases: [string, string][] = [
    ["/z", "http://a.test/z#f"],
    ["z", "http://a.test/x/z#f"],
    ["?p", "http://a.test/x/y?p#f"],
    ["#g", "http://a.test/x/y?q#g"],
    ["https://b.test/", "https://b.test/#f"],
    ["/\xc3\xa9", "http://a.test/%C3%A9#f"],
  ];
  for (const [location, expected] of cases) assert.equal(target(302, location)!.url.href, expected);
});

Deno.test("redirectTarget() changes the method as the standard says", () => {
  const cases: [number, string, string, boolean][] = [
    [301, "POST", "GET", false],
    [302, "POST", "GET", false],
    [303, "POST", "GET", false],
    [303, "PUT", "GET", false],
    [303, "HEAD", "HEAD", true],
    [301, "PUT", "PUT", true],
    [307, "POST", "POST", true],
    [308, "POST", "POST", true],
  ];
  for (const [status, method, expected, keepBody] of cases) {
    const { method: next, keepBody: kept } = target(status, "/", method)!;
    assert.deepEqual([next, kept], [expected, keepBody], `${status} ${method}`);
  }
});

Deno.test("redirectTarget() has none without a location and refuses what cannot be fetched", () => {
  assert.equal(
    redirectTarget({ status: 302, headers: new HeaderList() }, { url: "http://a.test", method: "GET" }),
    null,
  );
  assert.throws(() => target(302, "http://"), /is not a URL: 'http:\/\/'/);
  assert.throws(() => target(302, "file:///etc/passwd"), /'file:' is not http or https/);
  assert.throws(() => target(302, "http://user:pw@b.test/"), /holds credentials/);
});

Deno.test("stripForRedirect() drops body headers with the body and credentials across origins", () => {
  const pairs = ["authorization", "a", "cookie", "b", "host", "c", "content-type", "d", "x", "e"];
  const from = new URL("http://a.test/");
  const left = (location: string, keepBody: boolean) => {
    const headers = new HeaderList(pairs.slice());
    stripForRedirect(headers, from, { url: new URL(location), method: "GET", keepBody });
    return [...headers.entries()].map(([name]) => name);
  };
  assert.deepEqual(left("http://a.test/2", true), ["authorization", "cookie", "host", "content-type", "x"]);
  assert.deepEqual(left("http://a.test/2", false), ["authorization", "cookie", "host", "x"]);
  assert.deepEqual(left("http://a.test:8080/", true), ["content-type", "x"]);
  assert.deepEqual(left("https://a.test/", false), ["x"]);
});
