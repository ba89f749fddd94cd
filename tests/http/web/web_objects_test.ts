/** One suite for every way to make web objects: what a user of `fetch` and `Deno.serve` may rely on. */
import assert from "node:assert/strict";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { type Body, BytesBody, QueueBody, readAll } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../../lib/http/message.ts";
import { eagerWeb } from "../../../lib/http/web/eager_web.ts";
import { createLazyWeb } from "../../../lib/http/web/lazy_web.ts";
import { fromWebResponse } from "../../../lib/http/web/response_from_web.ts";
import { toWebResponse } from "../../../lib/http/web/response_to_web.ts";
import type { ResponseFacts, WebObjects } from "../../../lib/http/web/web_objects.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const FACTS: ResponseFacts = { url: "http://localhost/a?b#c", redirected: false, method: "GET" };

/** Content that arrives in pieces; tells what became of it. */
class Pieces implements Body {
  readonly length = null;
  readonly trailers = null;
  cancelled: unknown = undefined;
  readonly #pieces: Uint8Array[];
  constructor(...texts: string[]) {
    // As pieces of one buffer, which a byte stream must not take away.
    const all = encoder.encode(texts.join(""));
    let at = 0;
    this.#pieces = texts.map((text) => all.subarray(at, at += encoder.encode(text).length));
  }
  whole() {
    return null;
  }
  read() {
    return Promise.resolve(this.#pieces.shift() ?? null);
  }
  cancel(reason?: unknown) {
    this.cancelled = reason ?? "cancelled";
  }
}

function message(
  body: Body | null,
  pairs: string[] = ["content-type", "text/plain", "x-a", "1", "x-a", "2"],
  status = 200,
) {
  return { status, headers: new HeaderList(pairs), body } satisfies HttpResponse;
}

function bytes(text: string): BytesBody {
  return new BytesBody(encoder.encode(text));
}

function requestMessage(changes: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: "POST",
    scheme: "http",
    authority: "localhost:1",
    path: "/p",
    headers: new HeaderList(["x-a", "1", "x-a", "2", "content-type", "application/json"]),
    body: bytes('{"a":1}'),
    protocol: "HTTP/1.1",
    ...changes,
  };
}

const ways: [string, WebObjects | null][] = [["eager", eagerWeb], ["lazy", createLazyWeb()]];

Deno.test("createLazyWeb() works on this runtime", () => {
  assert.notEqual(createLazyWeb(), null);
});

for (const [name, web] of ways) {
  if (web !== null) suite(name, web);
}

function suite(way: string, web: WebObjects): void {
  const test = (what: string, run: () => void | Promise<void>) => Deno.test(`${way} web objects: ${what}`, run);
  const response = (body: Body | null, pairs?: string[], facts: Partial<ResponseFacts> = {}, status = 200) =>
    toWebResponse(message(body, pairs, status), { ...FACTS, ...facts }, web);
  const request = (changes: Partial<HttpRequest> = {}, signal = new AbortController().signal) =>
    web.toRequest(requestMessage(changes), { url: "http://localhost:1/p", signal: () => signal });
  /** Each test runs with content at hand and with content that arrives. */
  const bothBodies = (text: string): Body[] => [bytes(text), new Pieces(text.slice(0, 2), text.slice(2))];

  test("a response is a real Response with everything fetch shows", async () => {
    for (const body of bothBodies("hello")) {
      const one = response(body, undefined, { redirected: true }, 201);
      assert.ok(one instanceof Response);
      assert.equal(Object.prototype.toString.call(one), "[object Response]");
      assert.equal(one.constructor, Response);
      const { status, statusText, ok, type, url, redirected, bodyUsed } = one;
      assert.deepEqual(
        { status, statusText, ok, type, url, redirected, bodyUsed },
        {
          status: 201,
          statusText: "Created",
          ok: true,
          type: "basic",
          url: "http://localhost/a?b",
          redirected: true,
          bodyUsed: false,
        },
      );
      // The accessors of the class itself, as libraries borrow them.
      const native = (name: string) => Object.getOwnPropertyDescriptor(Response.prototype, name)!.get!;
      assert.equal(native("status").call(one), 201);
      assert.ok(native("headers").call(one) instanceof Headers);
      assert.equal(await one.text(), "hello");
      assert.equal(one.bodyUsed, true);
      await assert.rejects(one.text(), TypeError);
    }
  });

  test("headers of a response are real Headers", () => {
    const { headers } = response(bytes("x"), [
      "x-b",
      "2",
      "x-a",
      "1",
      "x-a",
      "3",
      "set-cookie",
      "p",
      "set-cookie",
      "q",
    ]);
    assert.ok(headers instanceof Headers);
    assert.equal(headers.get("X-A"), "1, 3");
    assert.equal(headers.get("nothing"), null);
    assert.ok(headers.has("x-B"));
    assert.deepEqual(headers.getSetCookie(), ["p", "q"]);
    assert.deepEqual([...headers], [["set-cookie", "p"], ["set-cookie", "q"], ["x-a", "1, 3"], ["x-b", "2"]]);
    assert.deepEqual([...headers.keys()].length, 4);
    const seen: string[] = [];
    headers.forEach((value, name) => seen.push(`${name}=${value}`));
    assert.deepEqual(seen, ["set-cookie=p", "set-cookie=q", "x-a=1, 3", "x-b=2"]);
    const copy = new Headers(headers);
    copy.set("x-a", "new");
    assert.equal(copy.get("x-a"), "new");
    assert.equal(Deno.inspect(new Headers(response(bytes("x"), ["x-a", "1"]).headers)), 'Headers { "x-a": "1" }');
  });

  test("every way to read content works", async () => {
    const json = '{"a":"ä"}';
    for (const body of [bytes(json), new Pieces(json.slice(0, 3), json.slice(3))]) {
      assert.deepEqual(await response(body).json(), { a: "ä" });
    }
    for (const body of bothBodies("hello")) assert.equal(decoder.decode(await response(body).bytes()), "hello");
    for (const body of bothBodies("hello")) assert.equal((await response(body).arrayBuffer()).byteLength, 5);
    for (const body of bothBodies("hello")) {
      const blob = await response(body).blob();
      assert.deepEqual([blob.size, blob.type, await blob.text()], [5, "text/plain", "hello"]);
    }
    for (const body of bothBodies("a=1&b=2")) {
      const form = await response(body, ["content-type", "application/x-www-form-urlencoded"]).formData();
      assert.deepEqual([...form], [["a", "1"], ["b", "2"]]);
    }
    for (const body of bothBodies("hello")) {
      let text = "";
      for await (const chunk of response(body).body!) text += decoder.decode(chunk);
      assert.equal(text, "hello");
    }
  });

  test("content shows nothing of what surrounds it on the wire", async () => {
    const wire = encoder.encode("secret head, hello, secret tail");
    const piece = () => wire.subarray(13, 18);
    const queue = () => {
      const body = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
      body.push(piece());
      queueMicrotask(() => body.end());
      return body;
    };
    for (const make of [() => new BytesBody(piece()), queue]) {
      for (const one of [() => response(make()), () => response(make()).clone(), () => request({ body: make() })]) {
        assert.equal(decoder.decode(await one().arrayBuffer()), "hello");
        assert.equal((await one().bytes()).buffer.byteLength, 5);
        assert.equal((await one().body!.getReader().read()).value!.buffer.byteLength, 5);
      }
    }
    assert.equal(decoder.decode(wire), "secret head, hello, secret tail");
  });

  test("a stream of content takes no buffer away from the connection", async () => {
    const body = new Pieces("abc", "def");
    const reader = response(body).body!.getReader();
    assert.equal(decoder.decode((await reader.read()).value), "abc");
    assert.equal(decoder.decode((await reader.read()).value), "def");
    assert.ok((await reader.read()).done);
  });

  test("content that arrives can be read into a buffer of the reader", async () => {
    const reader = response(new Pieces("abc", "def")).body!.getReader({ mode: "byob" });
    const first = await reader.read(new Uint8Array(2));
    assert.equal(decoder.decode(first.value), "ab");
    let rest = "";
    for (let next = await reader.read(new Uint8Array(10)); !next.done; next = await reader.read(new Uint8Array(10))) {
      rest += decoder.decode(next.value);
    }
    assert.equal(rest, "cdef");
  });

  test("cancelling the stream cancels the content", async () => {
    const untouched = new Pieces("abc");
    await response(untouched).body!.cancel("Enough");
    assert.equal(untouched.cancelled, "Enough");
    const begun = new Pieces("abc", "def");
    const reader = response(begun).body!.getReader();
    await reader.read();
    await reader.cancel("Enough");
    assert.equal(begun.cancelled, "Enough");
  });

  test("content is read from the connection only as far as it is wanted", async () => {
    let taken = 0;
    const queue = new QueueBody(null, { consumed: (count) => taken += count, cancelled: () => {} });
    queue.push(encoder.encode("abc"));
    queue.push(encoder.encode("def"));
    const one = response(queue);
    assert.equal(one.status, 200);
    await Promise.resolve();
    assert.equal(taken, 0);
    await one.body!.getReader().read();
    assert.ok(taken <= 6 && taken >= 3);
  });

  test("content that breaks off fails its readers", async () => {
    for (const read of [(one: Response) => one.text(), (one: Response) => one.body!.getReader().read()]) {
      const queue = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
      const one = response(queue);
      const reading = assert.rejects(read(one), { message: "Gone" });
      queue.fail(new Error("Gone"));
      await reading;
    }
  });

  test("a clone is independent and shows the same", async () => {
    for (const body of bothBodies("hello")) {
      const one = response(body, undefined, { redirected: true });
      const two = one.clone();
      const three = two.clone();
      for (const each of [one, two, three]) {
        assert.ok(each instanceof Response);
        assert.deepEqual([each.url, each.redirected, each.type, each.status], [
          "http://localhost/a?b",
          true,
          "basic",
          200,
        ]);
        assert.equal(each.headers.get("x-a"), "1, 2");
      }
      assert.deepEqual(await Promise.all([one.text(), two.text(), three.text()]), ["hello", "hello", "hello"]);
    }
    const used = response(bytes("x"));
    await used.text();
    assert.throws(() => used.clone(), TypeError);
  });

  test("a response can be wrapped again", async () => {
    for (const body of bothBodies("hello")) {
      const one = response(body);
      const copy = new Response(one.body, one);
      copy.headers.set("x-new", "1");
      assert.deepEqual([copy.status, copy.headers.get("x-a"), await copy.text()], [200, "1, 2", "hello"]);
    }
    for (const body of bothBodies("hello")) {
      const upper = response(body).body!.pipeThrough(new TextDecoderStream()).pipeThrough(
        new TransformStream({ transform: (text, controller) => controller.enqueue(text.toUpperCase()) }),
      ).pipeThrough(new TextEncoderStream());
      assert.equal(await new Response(upper).text(), "HELLO");
    }
  });

  test("a response without content has none, an empty one has an empty one", async () => {
    for (const [method, status] of [["HEAD", 200], ["GET", 204], ["GET", 205], ["GET", 304]] as const) {
      const body = new Pieces("x");
      const one = response(body, [], { method }, status);
      assert.equal(one.body, null);
      assert.equal(await one.text(), "");
      assert.notEqual(body.cancelled, undefined);
    }
    const empty = response(null, []);
    assert.notEqual(empty.body, null);
    assert.equal(await empty.text(), "");
  });

  test("a status that a Response cannot hold becomes 502", async () => {
    for (const status of [600, 999]) {
      const body = new Pieces("x");
      const one = response(body, [], {}, status);
      assert.equal(one.status, 502);
      assert.match(await one.text(), new RegExp(`${status}`));
      assert.notEqual(body.cancelled, undefined);
    }
  });

  test("gzip and br content is decoded, other codings are left alone", async () => {
    for (const [coding, encoded] of [["gzip", gzipSync("hello")], ["BR", brotliCompressSync("hello")]] as const) {
      const one = response(new BytesBody(encoded), ["content-encoding", coding]);
      assert.equal(await one.text(), "hello");
      assert.equal(await response(new BytesBody(encoded), ["content-encoding", coding]).clone().text(), "hello");
    }
    for (const coding of ["deflate", "zstd", "gzip, br", "x-gzip", "identity"]) {
      assert.equal(await response(bytes("raw"), ["content-encoding", coding]).text(), "raw");
    }
    assert.equal(await response(bytes("raw"), ["content-encoding", "gzip"], { decode: false }).text(), "raw");
    await assert.rejects(response(bytes("no gzip"), ["content-encoding", "gzip"]).text(), TypeError);
    assert.equal(
      response(null, ["content-encoding", "gzip"], { method: "HEAD" }).headers.get("content-encoding"),
      "gzip",
    );
  });

  test("a response passes through Deno.serve and fetch", async () => {
    const answers: (() => Response | Promise<Response>)[] = [
      () => response(bytes("hello")),
      () => response(new Pieces("he", "llo")),
      () => response(bytes("hello")).clone(),
      () => new Response(response(bytes("hello")).body, response(bytes("hello"))),
      () =>
        response(new BytesBody(gzipSync("hello")), [
          "content-encoding",
          "gzip",
          "content-type",
          "text/plain",
          "x-a",
          "1, 2",
        ]),
    ];
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (asked) => {
      const { pathname } = new URL(asked.url);
      return answers[Number(pathname.slice(1))]!();
    });
    for (const i of answers.keys()) {
      const got = await fetch(`http://127.0.0.1:${server.addr.port}/${i}`);
      assert.equal(got.status, 200, `answer ${i}`);
      assert.equal(await got.text(), "hello", `answer ${i}`);
      assert.equal(got.headers.get("content-type"), "text/plain");
      assert.equal(got.headers.get("x-a"), "1, 2");
    }
  });

  test("a response can be inspected", () => {
    const text = Deno.inspect(response(bytes("hello"), ["x-a", "1"]));
    assert.match(text, /^Response \{/);
    assert.match(text, /status: 200/);
    assert.match(text, /url: "http:\/\/localhost\/a\?b"/);
  });

  test("a response cannot be cloned structurally, as no Response can", () => {
    assert.throws(() => structuredClone(response(bytes("x"))));
  });

  test("a request is a real Request with everything Deno.serve shows", async () => {
    for (const body of [bytes('{"a":1}'), new Pieces('{"a', '":1}')]) {
      const one = request({ body });
      assert.ok(one instanceof Request);
      assert.equal(one.constructor, Request);
      assert.equal(Object.prototype.toString.call(one), "[object Request]");
      const { method, url, redirect, bodyUsed } = one;
      assert.deepEqual({ method, url, redirect, bodyUsed }, {
        method: "POST",
        url: "http://localhost:1/p",
        redirect: "follow",
        bodyUsed: false,
      });
      assert.equal(one.headers.get("Host"), "localhost:1");
      assert.equal(one.headers.get("x-A"), "1, 2");
      assert.equal(one.headers.get("nothing"), null);
      assert.equal(one.headers.has("x-a"), true);
      assert.deepEqual([...one.headers], [["content-type", "application/json"], ["host", "localhost:1"], [
        "x-a",
        "1, 2",
      ]]);
      assert.deepEqual(await one.json(), { a: 1 });
      assert.equal(one.bodyUsed, true);
      await assert.rejects(one.text(), TypeError);
    }
  });

  test("every way to read the content of a request works", async () => {
    for (const body of bothBodies("hello")) assert.equal(await request({ body }).text(), "hello");
    for (const body of bothBodies("hello")) assert.equal(decoder.decode(await request({ body }).bytes()), "hello");
    for (const body of bothBodies("a=1")) {
      const headers = new HeaderList(["content-type", "application/x-www-form-urlencoded"]);
      assert.deepEqual([...(await request({ body, headers }).formData())], [["a", "1"]]);
    }
    for (const body of bothBodies("hello")) {
      let text = "";
      for await (const chunk of request({ body }).body!) text += decoder.decode(chunk);
      assert.equal(text, "hello");
    }
    assert.equal(request({ body: null }).body, null);
    assert.equal(request({ method: "GET" }).body, null);
    assert.equal(await request({ method: "HEAD" }).text(), "");
  });

  test("the methods that fetch forbids are shown all the same", () => {
    assert.equal(request({ method: "TRACE", body: null }).method, "TRACE");
    assert.equal(request({ method: "BREW" }).method, "BREW");
  });

  test("cookie crumbs are joined by semicolons", () => {
    const one = request({ headers: new HeaderList(["cookie", "a=1", "x-a", "2", "cookie", "b=2"]) });
    assert.equal(one.headers.get("cookie"), "a=1; b=2");
    assert.equal(new Headers(one.headers).get("cookie"), "a=1; b=2");
  });

  test("the signal of a request aborts with the caller's", async () => {
    const controller = new AbortController();
    const one = request({}, controller.signal);
    const clone = one.clone();
    const derived = new Request(one, { headers: { b: "1" } });
    let aborted = 0;
    one.signal.addEventListener("abort", () => aborted++);
    assert.equal(one.signal.aborted, false);
    assert.equal(one.signal, one.signal);
    controller.abort();
    assert.equal(aborted, 1);
    assert.ok(one.signal.aborted && clone.signal.aborted && derived.signal.aborted);
    assert.ok(request({}, AbortSignal.abort()).signal.aborted);
    await clone.body?.cancel();
  });

  test("a request can be cloned, wrapped again and changed", async () => {
    for (const body of bothBodies("hello")) {
      const one = request({ body });
      const two = one.clone();
      assert.deepEqual([two.method, two.url, two.headers.get("x-a")], ["POST", "http://localhost:1/p", "1, 2"]);
      assert.deepEqual(await Promise.all([one.text(), two.text()]), ["hello", "hello"]);
    }
    for (const body of bothBodies("hello")) {
      const one = request({ body });
      const copy = new Request("http://other/x", one);
      assert.deepEqual([copy.method, copy.url, copy.headers.get("x-a")], ["POST", "http://other/x", "1, 2"]);
      await copy.body?.cancel();
    }
    for (const body of bothBodies("hello")) {
      const one = request({ body });
      const copy = new Request(one);
      assert.equal(await copy.text(), "hello");
      assert.ok(one.bodyUsed);
    }
    for (const body of bothBodies("hello")) {
      const copy = new Request(request({ body }), { headers: { "x-new": "1" }, body: "other", method: "PUT" });
      assert.deepEqual([copy.method, copy.headers.get("x-new"), await copy.text()], ["PUT", "1", "other"]);
    }
    assert.match(Deno.inspect(request()), /^Request \{[^]*method: "POST"/);
  });

  test("a request can be passed to fetch", async () => {
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (asked) => {
      return Response.json([asked.method, asked.headers.get("x-a"), await asked.text()]);
    });
    const url = `http://127.0.0.1:${server.addr.port}/p`;
    for (const body of bothBodies("hello")) {
      const one = web.toRequest(requestMessage({ body }), { url, signal: () => new AbortController().signal });
      assert.deepEqual(await (await fetch(one)).json(), ["POST", "1, 2", "hello"]);
      assert.ok(one.bodyUsed);
    }
    const get = web.toRequest(requestMessage({ method: "GET", body: null }), {
      url,
      signal: () => new AbortController().signal,
    });
    assert.deepEqual(await (await fetch(get)).json(), ["GET", "1, 2", ""]);
    const other = web.toRequest(requestMessage({ body: bytes("hi") }), {
      url,
      signal: () => new AbortController().signal,
    });
    assert.deepEqual(await (await fetch(new Request(other, { headers: { "x-a": "3" } }))).json(), ["POST", "3", "hi"]);
  });

  test("a handler's response becomes a message", async () => {
    const stream = () => new Response(response(new Pieces("he", "llo")).body, { headers: { "x-a": "1" } });
    const read = async (one: Response) => {
      const got = fromWebResponse(one, web);
      const content = got.body === null ? null : decoder.decode((await readAll(got.body))!);
      assert.ok(one.bodyUsed || got.body === null);
      return [got.status, content, got.headers.get("content-type"), got.headers.get("x-a")];
    };
    const text = "text/plain;charset=UTF-8";
    assert.deepEqual(await read(new Response("hello")), [200, "hello", text, undefined]);
    assert.deepEqual(await read(new Response("hello", { status: 201, headers: { "X-A": "1" } })), [
      201,
      "hello",
      text,
      "1",
    ]);
    assert.deepEqual(await read(new Response("hello", { headers: { "content-type": "text/plain" } })), [
      200,
      "hello",
      "text/plain",
      undefined,
    ]);
    assert.deepEqual(await read(new Response("")), [200, "", text, undefined]);
    assert.deepEqual(await read(new Response(encoder.encode("hello"))), [200, "hello", undefined, undefined]);
    assert.deepEqual(await read(Response.json({ a: 1 })), [200, '{"a":1}', "application/json", undefined]);
    assert.deepEqual(await read(Response.json(1, { status: 404, headers: { "x-a": "1" } })), [
      404,
      "1",
      "application/json",
      "1",
    ]);
    assert.deepEqual(await read(new Response(null, { status: 204 })), [204, null, undefined, undefined]);
    assert.deepEqual(await read(new Response()), [200, null, undefined, undefined]);
    assert.deepEqual(await read(new Response(new Blob(["hello"], { type: "a/b" }))), [200, "hello", "a/b", undefined]);
    assert.deepEqual(await read(new Response(new URLSearchParams("a=1"))), [
      200,
      "a=1",
      "application/x-www-form-urlencoded;charset=UTF-8",
      undefined,
    ]);
    assert.deepEqual(await read(stream()), [200, "hello", undefined, "1"]);
    assert.deepEqual(await read(Response.redirect("http://x/", 303)), [303, null, undefined, undefined]);
    assert.deepEqual(await read(response(bytes("hello"))), [200, "hello", "text/plain", way === "lazy" ? "1" : "1, 2"]);
    assert.deepEqual(await read(response(new Pieces("he", "llo")).clone()), [
      200,
      "hello",
      "text/plain",
      way === "lazy" ? "1" : "1, 2",
    ]);
    const changed = new Response("hello");
    changed.headers.set("X-A", "2");
    changed.headers.append("x-a", "3");
    changed.headers.delete("content-type");
    const pairs = fromWebResponse(changed, web).headers;
    assert.equal(pairs.getAll("x-a").join(", "), "2, 3");
    assert.equal(pairs.has("content-type"), false);
    const cookies = new Response(null, { headers: [["set-cookie", "a"], ["Set-Cookie", "b"]] });
    assert.deepEqual(fromWebResponse(cookies, web).headers.getAll("set-cookie"), ["a", "b"]);
  });

  test("a handler's stream stays a stream and is told when nobody wants it", async () => {
    let cancelled: unknown;
    const one = new Response(
      new ReadableStream({ pull: () => new Promise(() => {}), cancel: (reason) => cancelled = reason }),
    );
    const { body } = fromWebResponse(one, web);
    assert.equal(body!.length, null);
    assert.equal(body!.whole(), null);
    body!.cancel("Enough");
    await Promise.resolve();
    assert.equal(cancelled, "Enough");
    const texts = new Response(
      new ReadableStream<unknown>({
        start: (controller) => (controller.enqueue("text"), controller.close()),
      }) as BodyInit,
    );
    await assert.rejects(readAll(fromWebResponse(texts, web).body), TypeError);
  });

  test("a decoded response loses the headers of its encoded form, or keeps both", async () => {
    const encoded = gzipSync("hello");
    const make = () =>
      response(new BytesBody(encoded), ["content-encoding", "gzip", "content-length", `${encoded.length}`, "x-a", "1"]);
    for (const one of [make(), make().clone()]) {
      const got = fromWebResponse(one, web);
      const content = (await readAll(got.body))!;
      const kept = got.headers.get("content-encoding") === "gzip";
      assert.deepEqual(new Uint8Array(content), new Uint8Array(kept ? encoded : encoder.encode("hello")));
      assert.equal(got.headers.has("content-length"), kept);
    }
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      () => new Response(new Uint8Array(encoded), { headers: { "content-encoding": "gzip" } }),
    );
    const fetched = fromWebResponse(await fetch(`http://127.0.0.1:${server.addr.port}/`), web);
    assert.equal(decoder.decode((await readAll(fetched.body))!), "hello");
    assert.equal(fetched.headers.has("content-encoding"), false);
    assert.equal(fetched.headers.has("content-length"), false);
  });

  test("what cannot be sent is refused", async () => {
    const used = new Response("x");
    await used.text();
    const usedStream = new Response(new Blob(["x"]));
    await usedStream.text();
    const locked = new Response("x");
    locked.body!.getReader();
    const twice = new Response("x");
    fromWebResponse(twice, web);
    const bad = [used, usedStream, locked, twice, Response.error(), null, undefined, {}, "x"] as Response[];
    for (const [i, one] of bad.entries()) assert.throws(() => fromWebResponse(one, web), TypeError, `bad ${i}`);
    const upgrade = new Response(null, { status: 101 });
    assert.throws(() => fromWebResponse(upgrade, web), {
      code: "UPGRADE_UNSUPPORTED",
      message: /mesh\.upgradeWebSocket/,
    });
  });

  test("the content of a request can be taken, at hand or as a stream", async () => {
    const make = (body: BodyInit | null) => new Request("http://x/", { method: "POST", body });
    for (
      const body of ["hello", encoder.encode("hello"), new Blob(["hello"]), response(new Pieces("he", "llo")).body!]
    ) {
      const one = make(body);
      const taken = web.takeRequestBody(one);
      const content = taken instanceof Uint8Array ? taken : await readAll(taken);
      assert.equal(decoder.decode(content!), "hello");
      assert.ok(one.bodyUsed);
      assert.throws(() => web.takeRequestBody(one), TypeError);
    }
    assert.equal(web.takeRequestBody(make(null)), null);
    const lazy = request({ body: bytes("hello") });
    const taken = web.takeRequestBody(lazy);
    assert.equal(decoder.decode(taken instanceof Uint8Array ? taken : (await readAll(taken))!), "hello");
  });
}
