/** `mesh.serve` keeps the contract of `Deno.serve`, and says who calls. */
import assert from "node:assert/strict";
import type { MeshServeInfo, MeshServer } from "../../mod.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";

const LOOPBACK = { port: 0, hostname: "127.0.0.1", onListen: () => {} } as const;

function url(server: MeshServer, path = "/"): string {
  return `http://127.0.0.1:${server.addr.port}${path}`;
}

Deno.test("every overload of Deno.serve works", async () => {
  await MeshRig.use(async (rig) => {
    const mesh = await rig.join("web");
    const answer = () => new Response("here");
    class Framework {
      text = "from this";
      fetch(): Response {
        return new Response(this.text);
      }
    }
    const listened: Deno.NetAddr[] = [];
    const servers = [
      await mesh.serve(LOOPBACK, answer),
      await mesh.serve({ ...LOOPBACK, handler: answer }),
      await mesh.serve({ ...LOOPBACK, fetch: answer }),
      await mesh.serve({ ...LOOPBACK, onListen: (addr) => void listened.push(addr) }, answer),
      await mesh.serve(Object.assign(new Framework(), LOOPBACK)),
    ];
    assert.deepEqual(listened, [servers[3]!.addr]);
    for (const [i, server] of servers.entries()) {
      assert.equal(server.addr.transport, "tcp");
      assert.equal(await (await fetch(url(server))).text(), i === 4 ? "from this" : "here");
    }
    await assert.rejects(() => mesh.serve(LOOPBACK as never), /there is no handler/);
    await assert.rejects(
      () => mesh.serve({ ...LOOPBACK, port: servers[0]!.addr.port }, answer),
      /another program listens there/,
    );
  });
});

Deno.test("a handler that throws answers 500, or what onError says", async () => {
  await MeshRig.use(async (rig) => {
    const mesh = await rig.join("web");
    const fail = () => {
      throw new RangeError("Out of range");
    };
    const plain = await mesh.serve(LOOPBACK, fail);
    const response = await fetch(url(plain));
    assert.equal(response.status, 500);
    assert.equal(await response.text(), "Internal Server Error");
    assert.match(rig.log("web").find(/handler threw/)!, /Out of range/);
    const own = await mesh.serve({
      ...LOOPBACK,
      onError: (error) => new Response(String(error), { status: 418 }),
    }, async () => await Promise.reject(new RangeError("Later")));
    const answered = await fetch(url(own));
    assert.equal(answered.status, 418);
    assert.equal(await answered.text(), "RangeError: Later");
    const worse = await mesh.serve({
      ...LOOPBACK,
      onError: () => {
        throw new Error("Worse");
      },
    }, fail);
    const bare = await fetch(url(worse));
    assert.equal(bare.status, 500);
    assert.doesNotMatch(await bare.text(), /Worse|Out of range/);
    const nothing = await mesh.serve(LOOPBACK, () => undefined as unknown as Response);
    const none = await fetch(url(nothing));
    assert.equal(none.status, 500);
    await none.body?.cancel();
  });
});

Deno.test("a used body, an error response and a WebSocket upgrade are told apart", async () => {
  await MeshRig.use(async (rig) => {
    const mesh = await rig.join("web");
    const used = new Response("used");
    await used.text();
    const errors: string[] = [];
    const server = await mesh.serve({
      ...LOOPBACK,
      onError: (error) => {
        errors.push(String(error));
        return new Response(null, { status: 500 });
      },
    }, (request) => {
      switch (new URL(request.url).pathname) {
        case "/used":
          return used;
        case "/error":
          return Response.error();
        default:
          return Deno.upgradeWebSocket(
            new Request(request.url, {
              headers: { upgrade: "websocket", connection: "Upgrade", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" },
            }),
          ).response;
      }
    });
    for (const path of ["/used", "/error", "/upgrade"]) {
      const response = await fetch(url(server, path));
      assert.equal(response.status, 500);
      await response.body?.cancel();
    }
    assert.equal(errors.length, 3);
    assert.match(errors[2]!, /mesh\.upgradeWebSocket/);
  });
});

Deno.test("shutdown takes nothing new and lets a slow request finish; the signal ends at once", async (t) => {
  await MeshRig.use(async (rig) => {
    const mesh = await rig.join("web");
    await t.step("shutdown", async () => {
      const release = Promise.withResolvers<void>();
      const arrived = Promise.withResolvers<void>();
      const server = await mesh.serve(LOOPBACK, async () => {
        arrived.resolve();
        await release.promise;
        return new Response("finished");
      });
      const slow = fetch(url(server));
      await arrived.promise;
      const down = server.shutdown();
      await until("nothing new is taken", async () => {
        try {
          const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
          connection.close();
          return false;
        } catch {
          return true;
        }
      }, 2_000);
      release.resolve();
      const response = await slow;
      assert.equal(await response.text(), "finished");
      await down;
      await server.finished;
    });
    await t.step("signal", async () => {
      const controller = new AbortController();
      const arrived = Promise.withResolvers<void>();
      const aborted = Promise.withResolvers<void>();
      const server = await mesh.serve({ ...LOOPBACK, signal: controller.signal }, async (request) => {
        request.signal.addEventListener("abort", () => aborted.resolve());
        arrived.resolve();
        await aborted.promise;
        return new Response("too late");
      });
      const slow = fetch(url(server)).then(() => "answered", () => "failed");
      await arrived.promise;
      controller.abort();
      await server.finished;
      assert.equal(await slow, "failed");
      await aborted.promise;
    });
    await t.step("a signal that was aborted before", async () => {
      await assert.rejects(mesh.serve({ ...LOOPBACK, signal: AbortSignal.abort() }, () => new Response()));
    });
    await t.step("await using, ref, unref", async () => {
      let port: number;
      {
        await using server = await mesh.serve(LOOPBACK, () => new Response("ok"));
        server.unref();
        server.ref();
        port = server.addr.port;
        assert.equal(await (await fetch(url(server))).text(), "ok");
      }
      await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
    });
  });
});

Deno.test("info says who calls, where, and when the answer is out", async (t) => {
  await MeshRig.use(async (rig) => {
    let last!: MeshServeInfo;
    const { mesh: web, server } = await rig.serve("web", (_request, info) => {
      last = info;
      return new Response("ok");
    });
    const caller = await rig.join("caller");
    await t.step("over mutual TLS", async () => {
      const response = await caller.fetch("http://web.default/");
      assert.equal(await response.text(), "ok");
      assert.equal(last.peer?.principal, "spiffe://cluster.local/ns/default/sa/caller");
      assert.equal(last.peer?.namespace, "default");
      assert.equal(last.peer?.serviceAccount, "caller");
      assert.match(last.peer!.certificateSha256, /^[0-9a-f]{64}$/);
      assert.equal(last.remoteAddr.hostname, "127.0.0.1");
      assert.equal(last.localAddr.port, server.addr.port);
      await last.completed;
    });
    await t.step("in plaintext", async () => {
      assert.equal(await (await fetch(url(server))).text(), "ok");
      assert.equal(last.peer, null);
      await last.completed;
    });
    await t.step("completed rejects and request.signal aborts when the caller goes", async () => {
      const seen = Promise.withResolvers<{ signal: AbortSignal; completed: Promise<void> }>();
      const slow = await web.serve(LOOPBACK, (request, info) => {
        const completed = info.completed;
        completed.catch(() => {});
        seen.resolve({ signal: request.signal, completed });
        return new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
      });
      const controller = new AbortController();
      const response = await fetch(url(slow), { signal: controller.signal });
      const { signal, completed } = await seen.promise;
      assert.equal(signal.aborted, false);
      controller.abort();
      await assert.rejects(completed);
      assert.equal(signal.aborted, true);
      await assert.rejects(response.text());
    });
  });
});

Deno.test("a port no Service names uses the passthrough chains, with a warning", async () => {
  await MeshRig.use(async (rig) => {
    const mesh = await rig.join("web");
    const server = await mesh.serve(LOOPBACK, () => new Response("ok"));
    assert.match(rig.log("web").find(/belongs to no Service/)!, new RegExp(`'${server.addr.port}'`));
    assert.equal(await (await fetch(url(server))).text(), "ok");
    // Another workload reaches it by address, in plaintext: the mesh knows no endpoint there.
    const caller = await rig.join("caller");
    assert.equal(await (await caller.fetch(url(server))).text(), "ok");
  });
});

Deno.test("x-forwarded-client-cert is the mesh's alone", async () => {
  await MeshRig.use(async (rig) => {
    const { server } = await rig.serve("web", (request) =>
      Response.json({
        xfcc: request.headers.get("x-forwarded-client-cert"),
        own: [...request.headers.keys()].filter((name) => name.startsWith("x-envoy-peer-metadata")),
      }));
    const caller = await rig.join("caller");
    const headers = { "x-forwarded-client-cert": "By=spiffe://forged;URI=spiffe://cluster.local/ns/x/sa/admin" };
    const plain = await (await fetch(url(server), { headers })).json();
    assert.equal(plain.xfcc, null);
    const meshed = await (await caller.fetch("http://web.default/", { headers })).json();
    assert.match(meshed.xfcc, /URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/caller/);
    assert.match(meshed.xfcc, /By=spiffe:\/\/cluster\.local\/ns\/default\/sa\/web/);
    assert.match(meshed.xfcc, /Hash=[0-9a-f]{64}/);
    assert.deepEqual(meshed.own, [], "peer metadata never reaches the application");
  });
});

Deno.test("answers have a date, and nothing of Deno.serve's is missing", async () => {
  await MeshRig.use(async (rig) => {
    const mesh = await rig.join("web");
    const handler = (request: Request) => {
      const path = new URL(request.url).pathname;
      if (path === "/json") return Response.json({ a: 1 });
      if (path === "/stream") return new Response(ReadableStream.from([new Uint8Array([1]), new Uint8Array([2])]));
      if (path === "/empty") return new Response(null, { status: 204 });
      if (path === "/url") return new Response(request.url.replace(/:\d+/, ""));
      return new Response("text");
    };
    const meshed = await mesh.serve(LOOPBACK, handler);
    const plainPort = rig.plainServer(handler);
    const see = async (base: string, path: string, method: string) => {
      const response = await fetch(base + path, { method });
      return {
        status: response.status,
        date: response.headers.has("date"),
        type: response.headers.get("content-type"),
        length: response.headers.get("content-length"),
        text: await response.text(),
      };
    };
    for (const method of ["GET", "HEAD"]) {
      for (const path of ["/json", "/stream", "/empty", "/text", "/url?a=%20b"]) {
        const plain = await see(`http://127.0.0.1:${plainPort}`, path, method);
        const here = await see(`http://127.0.0.1:${meshed.addr.port}`, path, method);
        // The runtime leaves the length out for HEAD where it did not look at the content.
        if (method === "HEAD") here.length = plain.length;
        assert.deepEqual(here, plain, `${method} ${path}`);
      }
    }
  });
});

for (const portName of ["http2", "grpc"]) {
  Deno.test(`callers speak HTTP/2 to a port named '${portName}'`, async () => {
    await MeshRig.use(async (rig) => {
      const { port } = await rig.serve("web", (request) =>
        new Response(request.body, {
          headers: { "x-te": request.headers.get("te") ?? "none", "content-type": "text/plain" },
        }), { portName });
      assert.ok(port > 0);
      const caller = await rig.join("caller");
      assert.equal(caller.snapshot === null, false);
      const upload = new TransformStream<Uint8Array, Uint8Array>();
      const writer = upload.writable.getWriter();
      void writer.write(new Uint8Array([1]));
      const response = await caller.fetch(
        "http://web.default/",
        { method: "POST", body: upload.readable, duplex: "half" } as RequestInit,
      );
      assert.equal(response.status, 200);
      const reader = response.body!.getReader();
      assert.deepEqual([...(await reader.read()).value!], [1]);
      await writer.write(new Uint8Array([2]));
      assert.deepEqual([...(await reader.read()).value!], [2]);
      await writer.close();
      assert.equal((await reader.read()).done, true);
      // Many at once share few connections.
      const texts = await Promise.all(
        Array.from(
          { length: 50 },
          async (_, i) => (await caller.fetch("http://web.default/", { method: "POST", body: String(i) })).text(),
        ),
      );
      assert.deepEqual(texts, Array.from({ length: 50 }, (_, i) => String(i)));
    });
  });
}

Deno.test("closing the mesh ends its servers, and serving afterwards is refused", async () => {
  await MeshRig.use(async (rig) => {
    const mesh = await rig.join("web");
    const server = await mesh.serve(LOOPBACK, () => new Response("ok"));
    assert.equal(await (await fetch(url(server))).text(), "ok");
    await mesh.close();
    await server.finished;
    assert.equal(mesh.openHandles, 0);
    await assert.rejects(() => mesh.serve(LOOPBACK, () => new Response()), { code: "MESH_CLOSED" });
    await assert.rejects(mesh.fetch("http://web.default/"), { code: "MESH_CLOSED" });
  });
});
