import assert from "node:assert/strict";
import { readAll } from "../../../lib/http/body.ts";
import { eagerWeb } from "../../../lib/http/web/eager_web.ts";
import { FetchUrls } from "../../../lib/http/web/fetch_url.ts";
import { createLazyWeb } from "../../../lib/http/web/lazy_web.ts";
import { fromFetchArguments, type FromFetchOptions } from "../../../lib/http/web/request_from_fetch.ts";

const URL_TEXT = "http://localhost:1/a?b=1#c";
const decoder = new TextDecoder();

type Arguments = [RequestInfo | URL, RequestInit?];

/** Arguments, made anew for each use, with bodies that can be read once. The URL is filled in. */
const CALLS: Record<string, (url: string) => Arguments> = {
  "a string": (url) => [url],
  "a URL": (url) => [new URL(url)],
  "a Request": (url) => [new Request(url, { method: "PUT", body: "hi", headers: { "x-a": "1" } })],
  "a Request with changes": (url) => [new Request(url, { headers: { "x-a": "1" } }), { headers: { "x-b": "2" } }],
  "POST of text": (url) => [url, { method: "POST", body: "hi ä" }],
  "POST of no text": (url) => [url, { method: "POST", body: "" }],
  "POST of nothing": (url) => [url, { method: "POST" }],
  "POST of bytes": (url) => [url, { method: "POST", body: new Uint8Array([104, 105]) }],
  "POST of a piece of bytes": (url) => [url, { method: "POST", body: new Uint8Array([0, 104, 105]).subarray(1) }],
  "POST of a buffer": (url) => [url, { method: "POST", body: new Uint8Array([104, 105]).buffer }],
  "POST of words": (url) => [url, { method: "POST", body: new Uint16Array([0x6968]) }],
  "POST of a Blob": (url) => [url, { method: "POST", body: new Blob(["hi"], { type: "a/b" }) }],
  "POST of URLSearchParams": (url) => [url, { method: "POST", body: new URLSearchParams({ a: "1 2", b: "ä" }) }],
  "POST of an object": (url) => [url, { method: "POST", body: { toString: () => "hi" } as unknown as string }],
  "a content type of its own": (url) => [url, { method: "POST", body: "{}", headers: { "Content-Type": "a/b" } }],
  "a method in lower case": (url) => [url, { method: "post", body: "x" }],
  "patch in lower case": (url) => [url, { method: "patch", body: "x" }],
  "a method nobody knows": (url) => [url, { method: "Brew" }],
  "DELETE with content": (url) => [url, { method: "DELETE", body: "x" }],
  "a record of headers": (
    url,
  ) => [url, { headers: { "X-A": "1", accept: "foo", "User-Agent": "me", "accept-language": "de" } }],
  "headers with blanks": (url) => [url, { headers: { "x-a": "  1\t", "x-b": "" } }],
  "headers beyond ASCII": (url) => [url, { headers: { "x-a": "caf\xe9" } }],
  "a list of headers": (url) => [url, { headers: [["x-a", "1"], ["X-A", "2"], ["cookie", "a"]] }],
  "Headers": (url) => [url, { headers: new Headers({ "X-A": "1", "accept-encoding": "identity" }) }],
  "numbers as header values": (url) => [url, { headers: { "x-a": 1 as unknown as string } }],
  "a range": (url) => [url, { headers: { range: "bytes=0-1" } }],
  "settings without effect": (url) => [
    url,
    {
      keepalive: true,
      cache: "no-store",
      credentials: "omit",
      mode: "cors",
      referrerPolicy: "no-referrer",
      integrity: "",
    },
  ],
  "null for everything": (url) => [url, { body: null, signal: null }],
  "undefined for everything": (
    url,
  ) => [url, { body: undefined, method: undefined, headers: undefined } as unknown as RequestInit],
  "inherited settings": (url) => [url, Object.create({ method: "POST", body: "hi" })],
  "credentials in the URL": (url) => [url.replace("://", "://us%20er:p%C3%A4ss@")],
};

const ways: [string, FromFetchOptions][] = [
  ["eager", { web: eagerWeb }],
  ["lazy", { web: createLazyWeb()! }],
  ["with remembered URLs", { urls: new FetchUrls() }],
];

for (const [way, options] of ways) {
  Deno.test(`fromFetchArguments() (${way}) asks for what fetch sends`, async () => {
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
      const { pathname, search } = new URL(request.url);
      const headers = [...request.headers].filter(([name]) =>
        name !== "content-length" && name !== "transfer-encoding"
      );
      return Response.json({ method: request.method, path: pathname + search, headers, content: await request.text() });
    });
    const url = `http://127.0.0.1:${server.addr.port}/a?b=1#c`;
    for (const [what, make] of Object.entries(CALLS)) {
      const sent = await (await fetch(...make(url))).json();
      const { request } = fromFetchArguments(...make(url), options);
      const headers = new Headers({ host: request.authority });
      for (const [name, value] of request.headers.entries()) headers.append(name, value);
      const content = decoder.decode((await readAll(request.body))!);
      assert.deepEqual({ method: request.method, path: request.path, headers: [...headers], content }, sent, what);
    }
  });

  Deno.test(`fromFetchArguments() (${way}) throws what fetch rejects with`, async () => {
    const locked = new ReadableStream();
    locked.getReader();
    const used = new Request(URL_TEXT, { method: "POST", body: "x" });
    await used.text();
    const calls: Arguments[] = [
      ["foo"],
      ["http://"],
      ["ftp://x/"],
      [URL_TEXT, { body: "x" }],
      [URL_TEXT, { method: "HEAD", body: "x" }],
      [URL_TEXT, { method: "TRACE" }],
      [URL_TEXT, { method: "connect" }],
      [URL_TEXT, { method: "A B" }],
      [URL_TEXT, { headers: { "a b": "1" } }],
      [URL_TEXT, { headers: { "x": "a\nb" } }],
      [URL_TEXT, { headers: { "x": "\u0100" } }],
      [URL_TEXT, { headers: [["a"]] as unknown as [string, string][] }],
      [URL_TEXT, { redirect: "foo" as RequestRedirect }],
      [URL_TEXT, { signal: {} as AbortSignal }],
      [URL_TEXT, { mode: "navigate" as RequestMode }],
      [URL_TEXT, { method: "POST", body: locked }],
      [used],
    ];
    for (const call of calls) {
      let expected = "";
      await fetch(...call).catch((error: Error) => expected = `${error.name}: ${error.message}`);
      assert.match(expected, /^TypeError: /);
      assert.throws(() => fromFetchArguments(...call, options), (error: Error) => {
        // `fetch` takes the Request apart in another order; the reason is the same.
        if (call[0] !== used) assert.equal(`${error.name}: ${error.message}`, expected);
        return error instanceof TypeError;
      });
    }
  });
}

Deno.test("fromFetchArguments() tells where to go", () => {
  const { url } = fromFetchArguments("HTTP://Example.com:80/x/../a b?c#d");
  assert.deepEqual(url, {
    href: "http://example.com/a%20b?c#d",
    protocol: "http:",
    hostname: "example.com",
    port: 80,
    authority: "example.com",
    path: "/a%20b?c",
    authorization: null,
  });
  const other = fromFetchArguments("https://[::1]:8443/").url;
  assert.deepEqual([other.hostname, other.port, other.authority], ["[::1]", 8443, "[::1]:8443"]);
  assert.equal(fromFetchArguments("https://x/").url.port, 443);
  assert.equal(fromFetchArguments("https://x/").request.scheme, "https");
});

Deno.test("fromFetchArguments() takes the authority from a host header", () => {
  for (
    const headers of [
      { Host: "virtual:1" },
      new Headers({ host: "virtual:1" }),
      [["host", "virtual:1"]] as [string, string][],
    ]
  ) {
    const { request } = fromFetchArguments(URL_TEXT, { headers });
    assert.equal(request.authority, "virtual:1");
    assert.equal(request.headers.has("host"), false);
  }
});

Deno.test("fromFetchArguments() prefers a given authorization to credentials in the URL", () => {
  // Deno's fetch sends both; the Fetch Standard (HTTP-network-or-cache fetch) says this.
  const { headers } = fromFetchArguments("http://u:p@x/", { headers: { authorization: "x" } }).request;
  assert.deepEqual(headers.getAll("authorization"), ["x"]);
});

Deno.test("fromFetchArguments() leaves connection fields to the codec", () => {
  const headers = {
    connection: "close",
    "keep-alive": "1",
    "transfer-encoding": "chunked",
    upgrade: "x",
    "content-length": "9",
    expect: "100-continue",
    te: "gzip",
    "proxy-connection": "x",
    "x-a": "1",
  };
  const names = [...fromFetchArguments(URL_TEXT, { headers }).request.headers.entries()].map(([name]) => name);
  assert.deepEqual(names, ["x-a", "accept", "accept-language", "user-agent", "accept-encoding"]);
  assert.equal(fromFetchArguments(URL_TEXT, { headers: { te: "trailers" } }).request.headers.get("te"), "trailers");
});

Deno.test("fromFetchArguments() passes signal and redirect on, of a Request too", () => {
  const { signal } = new AbortController();
  assert.equal(fromFetchArguments(URL_TEXT, { signal }).signal, signal);
  assert.equal(fromFetchArguments(URL_TEXT).signal, null);
  const controller = new AbortController();
  const request = new Request(URL_TEXT, { signal: controller.signal, redirect: "manual" });
  const outgoing = fromFetchArguments(request);
  controller.abort();
  assert.ok(outgoing.signal!.aborted);
  assert.equal(outgoing.redirect, "manual");
  assert.equal(fromFetchArguments(new Request(URL_TEXT), { signal, redirect: "error" }).signal, signal);
  assert.equal(fromFetchArguments(new Request(URL_TEXT, { signal }), { signal: null }).signal, null);
  assert.equal(fromFetchArguments(URL_TEXT, { redirect: "error" }).redirect, "error");
  assert.equal(fromFetchArguments(URL_TEXT).redirect, "follow");
});

Deno.test("fromFetchArguments() tells what can be sent again", async () => {
  const again = fromFetchArguments(URL_TEXT, { method: "POST", body: "hi" });
  assert.equal(decoder.decode(again.bytes!), "hi");
  assert.equal(again.streaming, false);
  assert.equal(again.request.body!.length, 2);
  const none = fromFetchArguments(URL_TEXT);
  assert.deepEqual([none.bytes, none.streaming, none.request.body], [null, false, null]);
  const once = fromFetchArguments(URL_TEXT, { method: "POST", body: new Blob(["hi"]).stream() });
  assert.deepEqual([once.bytes, once.streaming, once.request.body!.length], [null, true, null]);
  assert.equal(decoder.decode((await readAll(once.request.body))!), "hi");
});

Deno.test("fromFetchArguments() is not disturbed by what the caller does to its bytes later", async () => {
  const body = new Uint8Array([104, 105]);
  const outgoing = fromFetchArguments(URL_TEXT, { method: "POST", body });
  body.fill(0);
  assert.equal(decoder.decode((await readAll(outgoing.request.body))!), "hi");
});

Deno.test("fromFetchArguments() refuses a client, which would bring its own connections", () => {
  const init = { client: {} } as RequestInit;
  assert.throws(() => fromFetchArguments(URL_TEXT, init), TypeError);
});

Deno.test("FetchUrls remembers a bounded number of URLs", () => {
  const urls = new FetchUrls();
  assert.equal(urls.read("http://a/"), urls.read("http://a/"));
  const first = urls.read("http://a/");
  for (let i = 0; i < 300; i++) urls.read(`http://a/${i}`);
  assert.notEqual(urls.read("http://a/"), first);
});
