/** `mesh.fetch` against `mesh.serve` is `fetch` against `Deno.serve`: the same handler, the same observations. */
import assert from "node:assert/strict";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Fetch } from "../../mod.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { TransportRig } from "../support/transport_rig.ts";

const BIG = 5 * 1024 * 1024;

/** Answers by path; what it needs of the request it says in the answer. */
async function handler(request: Request): Promise<Response> {
  const url = new URL(request.url);
  switch (url.pathname) {
    case "/echo":
      return new Response(request.body, {
        headers: {
          "x-method": request.method,
          "x-search": url.search,
          "x-type": request.headers.get("content-type") ?? "none",
          "x-length": request.headers.get("content-length") ?? "none",
        },
      });
    case "/headers":
      return Response.json(
        [...request.headers].filter(([name]) => name.startsWith("x-test") || name === "accept" || name === "cookie"),
        {
          headers: [["set-cookie", "a=1"], ["set-cookie", "b=2; path=/"], ["x-many", "1"], ["x-many", "2"], [
            "x-latin",
            "caf\u00e9",
          ], ["x-empty", ""]],
        },
      );
    case "/form": {
      const form = await request.formData();
      const entries: [string, string][] = [];
      for (const [name, value] of form) {
        entries.push([name, typeof value === "string" ? value : `${value.name}:${await value.text()}`]);
      }
      return Response.json(entries);
    }
    case "/size":
      return Response.json({ size: (await request.arrayBuffer()).byteLength });
    case "/big":
      return new Response(new Uint8Array(BIG).fill(7));
    case "/bigstream":
      return new Response(
        ReadableStream.from((function* () {
          for (let i = 0; i < 80; i++) yield new Uint8Array(65536).fill(i);
        })()),
      );
    case "/status":
      return new Response(null, { status: Number(url.searchParams.get("code")), statusText: "Chosen" });
    case "/redirect":
      return new Response("moved", {
        status: Number(url.searchParams.get("code") ?? 302),
        headers: { location: url.searchParams.get("to") ?? "/echo?after" },
      });
    case "/loop":
      return new Response(null, { status: 302, headers: { location: "/loop" } });
    case "/gzip":
      return new Response(gzipSync("compressed text"), { headers: { "content-encoding": "gzip" } });
    case "/br":
      return new Response(brotliCompressSync("compressed text"), { headers: { "content-encoding": "br" } });
    case "/badgzip":
      return new Response("not gzip", { headers: { "content-encoding": "gzip" } });
    case "/head":
      return new Response("content", { headers: { "content-length": "7" } });
    default:
      return new Response("no such path", { status: 404 });
  }
}

interface Seen {
  [key: string]: unknown;
}

/** What an application can see of a response. */
async function see(response: Response, base: string): Promise<Seen> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  return {
    status: response.status,
    statusText: response.statusText,
    ok: response.ok,
    type: response.type,
    url: response.url.replace(base, "").replace(new URL(base).host, ""),
    redirected: response.redirected,
    bodyUsed: response.bodyUsed,
    headers: [...response.headers].filter(([name]) =>
      ![
        "date",
        "vary",
        "server",
        "x-envoy-upstream-service-time",
        "content-length",
        // Of the connection, not of the answer.
        "connection",
        "transfer-encoding",
      ].includes(name)
    ),
    cookies: response.headers.getSetCookie(),
    text: bytes.length < 1000 ? new TextDecoder().decode(bytes) : `${bytes.length} of ${bytes[0]}..${bytes.at(-1)}`,
  };
}

type Case = (fetch: Fetch, base: string) => Promise<unknown>;

function stream(...chunks: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));
}

const ask = (path: string, init?: RequestInit): Case => async (fetch, base) =>
  await see(await fetch(`${base}${path}`, init), base);

const CASES: Record<string, Case> = {
  "GET by string": ask("/echo?q=1#fragment"),
  "GET by URL": async (fetch, base) => see(await fetch(new URL(`${base}/echo?url`)), base),
  "GET by Request": async (fetch, base) => see(await fetch(new Request(`${base}/echo?request`)), base),
  "Request and init: init wins": async (fetch, base) =>
    see(
      await fetch(new Request(`${base}/echo`, { method: "POST", body: "of request" }), {
        method: "PUT",
        body: "of init",
      }),
      base,
    ),
  "POST by Request with a body": async (fetch, base) =>
    see(await fetch(new Request(`${base}/echo`, { method: "POST", body: "text" })), base),
  "a used Request is refused": async (fetch, base) => {
    const request = new Request(`${base}/echo`, { method: "POST", body: "text" });
    await request.text();
    await fetch(request);
  },
  "lower-case method": ask("/echo", { method: "post", body: "x" }),
  "DELETE": ask("/echo", { method: "DELETE" }),
  "PATCH": ask("/echo", { method: "PATCH", body: "x" }),
  "OPTIONS": ask("/echo", { method: "OPTIONS" }),
  "a method of one's own": ask("/echo", { method: "PURGE" }),
  "string body": ask("/echo", { method: "POST", body: "gr\u00fc\u00dfe \u{1f600}" }),
  "bytes body": ask("/echo", { method: "POST", body: new Uint8Array([0, 255, 10, 13]) }),
  "DataView body": ask("/echo", { method: "POST", body: new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2) }),
  "Blob body": ask("/echo", { method: "POST", body: new Blob(["blob"], { type: "text/x-blob" }) }),
  "URLSearchParams body": ask("/echo", { method: "POST", body: new URLSearchParams({ a: "1 2", b: "&" }) }),
  "FormData body": async (fetch, base) => {
    const form = new FormData();
    form.append("name", "v\u00e4lue");
    form.append("file", new File(["file content"], "a.txt"));
    return await see(await fetch(`${base}/form`, { method: "POST", body: form }), base);
  },
  "stream body": async (fetch, base) =>
    see(
      await fetch(`${base}/echo`, { method: "POST", body: stream("one ", "two"), duplex: "half" } as RequestInit),
      base,
    ),
  "empty body": ask("/echo", { method: "POST", body: "" }),
  "no body with POST": ask("/echo", { method: "POST" }),
  "big upload": ask("/size", { method: "POST", body: new Uint8Array(BIG) }),
  "big download": ask("/big"),
  "big stream download": ask("/bigstream"),
  "big stream both ways": async (fetch, base) => {
    const chunks = Array.from({ length: 80 }, () => new Uint8Array(65536).fill(3));
    return await see(
      await fetch(`${base}/echo`, { method: "POST", body: ReadableStream.from(chunks), duplex: "half" } as RequestInit),
      base,
    );
  },
  "request headers": ask("/headers", {
    headers: [["X-Test-A", "1"], ["x-test-a", "2"], ["x-test-latin", "caf\u00e9"], ["x-test-trim", "  v "], [
      "cookie",
      "k=v",
    ]],
  }),
  "bad header value": ask("/headers", { headers: { "x-test": "a\nb" } }),
  "204": ask("/status?code=204"),
  "304": ask("/status?code=304"),
  "205": ask("/status?code=205"),
  "418 with a status text": ask("/status?code=418"),
  "599": ask("/status?code=599"),
  "gzip": ask("/gzip"),
  "brotli": ask("/br"),
  "broken gzip": ask("/badgzip"),
  "HEAD": ask("/head", { method: "HEAD" }),
  "redirect followed": ask("/redirect"),
  "redirect 303 turns POST to GET": ask("/redirect?code=303", { method: "POST", body: "gone" }),
  "redirect 302 turns POST to GET": ask("/redirect?code=302", { method: "POST", body: "gone" }),
  "redirect 307 keeps POST and its body": ask("/redirect?code=307", { method: "POST", body: "kept" }),
  "redirect 308 with a stream fails": async (fetch, base) =>
    await fetch(`${base}/redirect?code=308`, { method: "POST", body: stream("x"), duplex: "half" } as RequestInit),
  "redirect manual": ask("/redirect", { redirect: "manual" }),
  "redirect error": ask("/redirect", { redirect: "error" }),
  "redirects without end": ask("/loop"),
  "redirect to a fragment": ask("/redirect?to=/echo%23here"),
  "redirect to another scheme": ask("/redirect?to=ftp://example.test/"),
  // The runtime's fetch drops the body there, the standard keeps it.
  "redirect without location": async (fetch, base) => {
    const response = await fetch(`${base}/status?code=302`);
    await response.body?.cancel();
    return [response.status, response.redirected];
  },
  "GET with a body": ask("/echo", { method: "GET", body: "x" }),
  "TRACE": ask("/echo", { method: "TRACE" }),
  "CONNECT": ask("/echo", { method: "CONNECT" }),
  "bad method": ask("/echo", { method: "A B" }),
  "no URL": async (fetch) => await fetch("not a url"),
  "URL with credentials": async (fetch, base) => await see(await fetch(base.replace("//", "//u:p@") + "/echo"), base),
  "stream without duplex": async (fetch, base) =>
    see(await fetch(`${base}/echo`, { method: "POST", body: stream("a") }), base),
  "aborted before": ask("/echo", { signal: AbortSignal.abort() }),
  "aborted before with a reason": ask("/echo", { signal: AbortSignal.abort("mine") }),
  "clone": async (fetch, base) => {
    const response = await fetch(`${base}/echo`, { method: "POST", body: "twice" });
    const copy = response.clone();
    return [await copy.text(), await response.text(), copy.url.replace(base, ""), copy.type];
  },
  "tee": async (fetch, base) => {
    const [a, b] = (await fetch(`${base}/echo`, { method: "POST", body: "twice" })).body!.tee();
    return [await new Response(a).text(), await new Response(b).text()];
  },
  "json, blob, bytes": async (fetch, base) => {
    const init = { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json" } };
    const blob = await (await fetch(`${base}/echo`, init)).blob();
    return [
      await (await fetch(`${base}/echo`, init)).json(),
      blob.size,
      [...await (await fetch(`${base}/echo`, init)).bytes()],
    ];
  },
  "body read twice": async (fetch, base) => {
    const response = await fetch(`${base}/echo`, { method: "POST", body: "once" });
    await response.text();
    await response.text();
  },
  "headers of a response cannot be changed": async (fetch, base) => {
    const response = await fetch(`${base}/echo`);
    await response.body?.cancel();
    response.headers.set("x", "y");
  },
  "instanceof": async (fetch, base) => {
    const response = await fetch(`${base}/echo`, { method: "POST", body: "x" });
    const body = response.body;
    await response.text();
    return [response instanceof Response, response.headers instanceof Headers, body instanceof ReadableStream];
  },
};

/** The outcome: what is seen, or what kind of error there is. */
async function outcome(run: Case, fetch: Fetch, base: string): Promise<unknown> {
  try {
    return await run(fetch, base) ?? "done";
  } catch (error) {
    return error instanceof Error ? `threw ${error.name}` : { threw: error };
  }
}

Deno.test("mesh.fetch to mesh.serve gives what fetch to Deno.serve gives", async (t) => {
  await MeshRig.use(async (rig) => {
    await rig.serve("web", handler);
    const caller = await rig.join("caller");
    const plainPort = rig.plainServer(handler);
    for (const [name, run] of Object.entries(CASES)) {
      await t.step(name, async () => {
        const plain = await outcome(run, fetch, `http://127.0.0.1:${plainPort}`);
        const meshed = await outcome(run, caller.fetch, "http://web.default");
        assert.deepEqual(meshed, plain);
      });
    }
  });
});

/** Rejects with this error, whatever else happens. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then((value) => assert.fail(`resolved with ${value}`), (error) => error);
}

Deno.test("an AbortSignal ends a fetch at every stage", async (t) => {
  await MeshRig.use(async (rig) => {
    let gone = Promise.withResolvers<void>();
    await rig.serve("slow", async (request) => {
      request.signal.addEventListener("abort", () => gone.resolve());
      if (new URL(request.url).pathname === "/head") {
        await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      }
      return new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array([1])),
          cancel: () => gone.resolve(),
        }),
      );
    });
    const { fetch } = await rig.join("caller");
    await t.step("while waiting for the head; the server sees it", async () => {
      gone = Promise.withResolvers();
      const controller = new AbortController();
      const promise = fetch("http://slow.default/head", { signal: controller.signal });
      setTimeout(() => controller.abort(new Error("Enough")), 30);
      assert.equal((await rejection(promise) as Error).message, "Enough");
      await gone.promise;
    });
    await t.step("while reading the body", async () => {
      gone = Promise.withResolvers();
      const controller = new AbortController();
      const response = await fetch("http://slow.default/", { signal: controller.signal });
      const reader = response.body!.getReader();
      assert.equal((await reader.read()).value?.length, 1);
      const next = reader.read();
      controller.abort();
      assert.equal((await rejection(next) as Error).name, "AbortError");
      await gone.promise;
    });
    await t.step("AbortSignal.timeout", async () => {
      gone = Promise.withResolvers();
      const error = await rejection(fetch("http://slow.default/head", { signal: AbortSignal.timeout(20) }));
      assert.equal((error as Error).name, "TimeoutError");
    });
    await t.step("the signal of a Request", async () => {
      gone = Promise.withResolvers();
      const controller = new AbortController();
      const promise = fetch(new Request("http://slow.default/head", { signal: controller.signal }));
      setTimeout(() => controller.abort(), 10);
      assert.equal((await rejection(promise) as Error).name, "AbortError");
    });
    await t.step("cancelling the body lets the server know", async () => {
      gone = Promise.withResolvers();
      const response = await fetch("http://slow.default/");
      await response.body!.cancel();
      await gone.promise;
    });
  });
});

Deno.test("bodies stream in both directions at once", async () => {
  await MeshRig.use(async (rig) => {
    await rig.serve("echo", (request) => new Response(request.body));
    const caller = await rig.join("caller");
    const upload = new TransformStream<Uint8Array, Uint8Array>();
    const writer = upload.writable.getWriter();
    void writer.write(new Uint8Array([1]));
    const response = await caller.fetch(
      "http://echo.default/",
      { method: "POST", body: upload.readable, duplex: "half" } as RequestInit,
    );
    const reader = response.body!.getReader();
    assert.deepEqual([...(await reader.read()).value!], [1]);
    for (let i = 2; i < 6; i++) {
      await writer.write(new Uint8Array([i]));
      assert.deepEqual([...(await reader.read()).value!], [i]);
    }
    await writer.close();
    assert.equal((await reader.read()).done, true);
  });
});

Deno.test("an upload that fails rejects the fetch with its error", async () => {
  await MeshRig.use(async (rig) => {
    await rig.serve("echo", async (request) => new Response(await request.text()));
    const caller = await rig.join("caller");
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array([1])),
      pull: (controller) => controller.error(new RangeError("No more")),
    });
    const error = await rejection(
      caller.fetch("http://echo.default/", { method: "POST", body, duplex: "half" } as RequestInit),
    );
    assert.match(String((error as Error).cause ?? error), /No more/);
    assert.equal((await caller.fetch("http://echo.default/", { method: "POST", body: "next" })).status, 200);
  });
});

Deno.test("credentials stay within the origin over redirects, also out of the mesh", async () => {
  await MeshRig.use(async (rig) => {
    const seen = (request: Request) =>
      Response.json([...request.headers].filter(([name]) => /^(authorization|cookie|x-own)$/.test(name)));
    const outside = rig.plainServer(seen);
    await rig.serve("second", seen);
    await rig.serve("first", (request) => {
      const to = new URL(request.url).searchParams.get("to");
      return to === null ? seen(request) : new Response(null, { status: 302, headers: { location: to } });
    });
    const caller = await rig.join("caller");
    const headers = { authorization: "secret", cookie: "c=1", "x-own": "kept" };
    const all = [["authorization", "secret"], ["cookie", "c=1"], ["x-own", "kept"]];
    const ask = async (to: string) => {
      const response = await caller.fetch(`http://first.default/?to=${encodeURIComponent(to)}`, { headers });
      assert.equal(response.redirected, true);
      return await response.json();
    };
    assert.deepEqual(await ask("/"), all);
    assert.deepEqual(await ask("http://second.default/"), [["x-own", "kept"]]);
    assert.deepEqual(await ask(`http://127.0.0.1:${outside}/`), [["x-own", "kept"]]);
    // There and back: what was taken off stays off.
    assert.deepEqual(await ask("http://first.default:80/?to=http://first.default/"), all);
  });
});

Deno.test("connections are kept alive, each carries many requests", async () => {
  await MeshRig.use(async (rig) => {
    const ports = new Set<number>();
    await rig.serve("echo", (_request, info) => {
      ports.add(info.remoteAddr.port);
      return new Response("ok");
    });
    const caller = await rig.join("caller");
    for (let i = 0; i < 20; i++) assert.equal(await (await caller.fetch("http://echo.default/")).text(), "ok");
    assert.equal(ports.size, 1);
    await Promise.all(Array.from({ length: 20 }, async () => (await caller.fetch("http://echo.default/")).text()));
    await Promise.all(Array.from({ length: 20 }, async () => (await caller.fetch("http://echo.default/")).text()));
    assert.ok(ports.size <= 20, `${ports.size} connections`);
  });
});

Deno.test("a response can be handed on from Deno.serve and from mesh.serve, wrapped or as it is", async () => {
  await MeshRig.use(async (rig) => {
    await rig.serve("origin", (request) => new Response(request.body, { status: 201, headers: { "x-own": "1" } }));
    const middle = await rig.join("middle");
    await rig.serve(
      "middle",
      (request) =>
        middle.fetch("http://origin.default/", { method: "POST", body: request.body, duplex: "half" } as RequestInit),
      { mesh: middle },
    );
    const caller = await rig.join("caller");
    const plain = rig.plainServer(async (request) => {
      const response = await caller.fetch("http://middle.default/", { method: "POST", body: await request.text() });
      return request.url.endsWith("/wrapped") ? new Response(response.body, response) : response;
    });
    for (const path of ["", "wrapped"]) {
      const response = await fetch(`http://127.0.0.1:${plain}/${path}`, { method: "POST", body: "through all" });
      assert.equal(response.status, 201);
      assert.equal(response.headers.get("x-own"), "1");
      assert.equal(await response.text(), "through all");
    }
  });
});

/** Answers every connection with given bytes once a request head has come. */
function rawServer(rig: MeshRig, answer: string): number {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const done = (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(65536);
      await connection.read(buffer).catch(() => null);
      await connection.write(new TextEncoder().encode(answer)).catch(() => {});
      connection.close();
    }
  })();
  rig.defer(async () => {
    listener.close();
    await done;
  });
  return listener.addr.port;
}

Deno.test("answers of strange servers", async (t) => {
  await MeshRig.use(async (rig) => {
    const caller = await rig.join("caller");
    const ask = async (answer: string) => {
      const port = rawServer(rig, answer);
      return await caller.fetch(`http://127.0.0.1:${port}/`);
    };
    await t.step("103 is passed over", async () => {
      const response = await ask(
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
      );
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("link"), null);
      assert.equal(await response.text(), "ok");
    });
    await t.step("a status that Response cannot hold is 502", async () => {
      const response = await ask("HTTP/1.1 799 Odd\r\ncontent-length: 0\r\n\r\n");
      assert.equal(response.status, 502);
      await response.body?.cancel();
    });
    await t.step("no HTTP at all is 502 with the reason", async () => {
      const response = await ask("SSH-2.0-server\r\n\r\n");
      assert.equal(response.status, 502, await response.clone().text());
      assert.match(await response.text(), /status line/);
    });
    await t.step("nothing at all is 503", async () => {
      const response = await ask("");
      assert.equal(response.status, 503);
      assert.match(await response.text(), /before|terminat|reset|closed/i);
    });
    await t.step("a body that is cut rejects the reader", async () => {
      const response = await ask("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
      assert.ok(await rejection(response.text()) instanceof Error);
    });
    await t.step("a body until the end of the connection is read", async () => {
      const response = await ask("HTTP/1.1 200 OK\r\n\r\nuntil the end");
      assert.equal(await response.text(), "until the end");
    });
  });
});

Deno.test("https: out of the mesh goes straight through; a certificate nobody vouches for is refused", async () => {
  await MeshRig.use(async (rig) => {
    const issued = await rig.istiod.authority.issue({ dnsSans: ["localhost"], ipSans: ["127.0.0.1"] });
    let requests = 0;
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", cert: issued.chain, key: issued.key, onListen: () => {} },
      () => {
        requests++;
        return new Response("secret");
      },
    );
    rig.defer(() => server.shutdown());
    const caller = await rig.join("caller");
    for (const host of ["localhost", "127.0.0.1"]) {
      const error = await rejection(caller.fetch(`https://${host}:${server.addr.port}/`));
      assert.ok(error instanceof TypeError, String(error));
      assert.match(String(error.cause ?? error.message), /certificate|UnknownIssuer/i);
    }
    assert.equal(requests, 0);
  });
});

Deno.test("https: within the mesh is TLS of the application's own, never sent without it", async (t) => {
  await MeshRig.use(async (rig) => {
    let requests = 0;
    await rig.serve("web", () => {
      requests++;
      return new Response("in the clear");
    });
    const caller = await rig.join("caller");
    await t.step("to a port of plain HTTP: not at all", async () => {
      const answer = await caller.fetch("https://web.default:80/").then(
        (response) => response.status,
        () => "rejected",
      );
      assert.ok(answer === "rejected" || answer === 502, String(answer));
      assert.equal(requests, 0);
    });
    await t.step("to a TCP port of the mesh: a handshake inside the connection", async () => {
      const { chain, key } = await rig.istiod.authority.issue({
        uriSans: ["spiffe://cluster.local/ns/default/sa/secure"],
      });
      const roots = [rig.istiod.rootCertificates];
      const first = Promise.withResolvers<{ bytes: Uint8Array; peer: string | undefined }>();
      const transport = await TransportRig.start(async (raw) => {
        const stream = await raw.startTls({
          certificate: { chain, key, spiffeId: null, notBefore: 0, notAfter: Infinity, version: 1 },
          trust: { roots, version: 1 },
          requireClientCertificate: true,
          acceptSans: () => null,
          alpn: [],
        });
        stream.start({
          onData: (bytes) => {
            first.resolve({ bytes, peer: stream.info.tls?.peer?.principal });
            stream.destroy();
          },
          onEnd: () => stream.end(),
          onDrain: () => {},
          onClose: () => {},
        });
      });
      rig.defer(() => transport.close());
      rig.istiod.workload({ name: "secure" });
      rig.service({
        name: "secure",
        ports: [transport.acceptor.addr.port],
        port: 443,
        portName: "tls",
        targetPort: 8443,
      });
      await rig.istiod.settled();
      const response = await caller.fetch("https://secure.default/");
      assert.equal(response.status, 503);
      assert.match(await response.text(), /TLS/);
      const { bytes, peer } = await first.promise;
      assert.equal(peer, "spiffe://cluster.local/ns/default/sa/caller");
      assert.equal(bytes[0], 22, "a TLS handshake record");
      assert.match(new TextDecoder("latin1").decode(bytes), /secure\.default/, "with the application's server name");
    });
  });
});
