/** WebSockets through whole meshes, and with peers that know nothing of the mesh. */
import assert from "node:assert/strict";
import { createConnection } from "node:net";
import type { MeshWebSocketUpgrade } from "../../mod.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { peerAuthentication } from "../support/peer_authentication.ts";
import { until } from "../support/until.ts";

/** What happened on a socket, in order. */
class Events {
  readonly seen: string[] = [];
  readonly messages: unknown[] = [];
  readonly socket: WebSocket;
  close: CloseEvent | null = null;
  error: ErrorEvent | null = null;
  readonly opened: Promise<void>;
  readonly closed: Promise<CloseEvent>;
  #waiting: (() => void) | null = null;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    const opened = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<CloseEvent>();
    this.opened = opened.promise;
    this.closed = closed.promise;
    socket.addEventListener("open", () => {
      this.seen.push("open");
      opened.resolve();
    });
    socket.addEventListener("message", ({ data }) => {
      this.seen.push("message");
      this.messages.push(data);
      this.#waiting?.();
    });
    socket.addEventListener("error", (event) => {
      this.seen.push("error");
      this.error = event as ErrorEvent;
    });
    socket.addEventListener("close", (event) => {
      this.seen.push("close");
      this.close = event;
      opened.resolve();
      closed.resolve(event);
      this.#waiting?.();
    });
  }

  /** Waits for that many messages. */
  async count(count: number): Promise<unknown[]> {
    while (this.messages.length < count) {
      if (this.close !== null) throw new Error(`Closed with '${this.close.code}' ${this.error?.message ?? ""}`);
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
    return this.messages;
  }
}

/** Serves an echo; tells of each upgrade. */
async function serveEcho(
  rig: MeshRig,
  name: string,
  { onUpgrade = () => {}, portName }: {
    onUpgrade?: (upgrade: MeshWebSocketUpgrade, principal: string | null) => void;
    portName?: string;
  } = {},
) {
  const mesh = await rig.join(name);
  return await rig.serve(name, (request, info) => {
    if (request.headers.get("upgrade") !== "websocket") return new Response("no upgrade");
    const upgrade = mesh.upgradeWebSocket(request, { protocol: request.headers.get("x-protocol") ?? "" });
    upgrade.socket.binaryType = "arraybuffer";
    upgrade.socket.addEventListener("message", ({ data }) => upgrade.socket.send(data));
    onUpgrade(upgrade, info.peer?.principal ?? null);
    return upgrade.response;
  }, { mesh, ...(portName === undefined ? {} : { portName }) });
}

const SLEEP = "spiffe://cluster.local/ns/default/sa/sleep";

Deno.test("mesh.webSocket() and mesh.upgradeWebSocket() carry messages over STRICT mutual TLS", async () => {
  await MeshRig.use(async (rig) => {
    rig.istiod.apply(peerAuthentication("STRICT"));
    const principals: (string | null)[] = [];
    const sockets: Events[] = [];
    const { mesh } = await serveEcho(rig, "echo", {
      onUpgrade: ({ socket }, principal) => {
        principals.push(principal);
        sockets.push(new Events(socket));
      },
    });
    const client = await rig.join("sleep");
    await rig.answers(client, "http://echo/");
    const events = new Events(client.webSocket("ws://echo/a?b=c", {
      protocols: ["one", "two"],
      headers: { "x-protocol": "two" },
    }));
    assert.equal(events.socket.readyState, 0);
    assert.equal(events.socket.url, "ws://echo/a?b=c");
    await events.opened;
    assert.equal(events.socket.readyState, 1, events.error?.message ?? "");
    assert.equal(events.socket.protocol, "two");
    assert.equal(sockets[0]!.socket.protocol, "two");
    assert.deepEqual(principals, [SLEEP]);
    events.socket.send("grüß dich");
    events.socket.send(new Uint8Array([1, 2, 3]));
    events.socket.send(new Blob(["blob"]));
    events.socket.send("");
    events.socket.send(new ArrayBuffer(0));
    const [text, bytes, blob, nothing, empty] = await events.count(5);
    assert.equal(text, "grüß dich");
    assert.deepEqual(new Uint8Array(bytes as ArrayBuffer), new Uint8Array([1, 2, 3]));
    assert.equal(new TextDecoder().decode(blob as ArrayBuffer), "blob");
    assert.equal(nothing, "");
    assert.equal((empty as ArrayBuffer).byteLength, 0);
    assert.equal(events.socket.bufferedAmount, 0);
    // Nothing is counted before the end, as by a sidecar.
    assert.doesNotMatch(client.metrics(), /istio_requests_total\{[^}]*response_code="101"/);
    events.socket.close(3456, "enough");
    const close = await events.closed;
    assert.deepEqual([close.code, close.reason, close.wasClean], [3456, "", true]);
    const other = await sockets[0]!.closed;
    assert.deepEqual([other.code, other.reason, other.wasClean], [3456, "enough", true]);
    assert.deepEqual(events.seen.at(-1), "close");
    for (const [side, reporter] of [[client, "source"], [mesh, "destination"]] as const) {
      const counted = new RegExp(
        `istio_requests_total\\{(?=[^}]*reporter="${reporter}")(?=[^}]*response_code="101")[^}]*\\} 1\n`,
      );
      await until(`${reporter} counts the socket`, () => counted.test(side.metrics()));
    }
  });
});

Deno.test("mesh.webSocket() carries large messages, no faster than they are taken", async () => {
  await MeshRig.use(async (rig) => {
    await serveEcho(rig, "echo");
    const client = await rig.join("sleep");
    await rig.answers(client, "http://echo/");
    const events = new Events(client.webSocket("http://echo/"));
    await events.opened;
    const big = crypto.getRandomValues(new Uint8Array(65536));
    const message = new Uint8Array(5 * 1024 * 1024);
    for (let at = 0; at < message.length; at += big.length) message.set(big, at);
    for (let i = 0; i < 4; i++) events.socket.send(message);
    // The queue waits here, not in the socket.
    assert.ok(events.socket.bufferedAmount > 15 * 1024 * 1024, `${events.socket.bufferedAmount}`);
    const received = await events.count(4);
    for (const data of received) assert.deepEqual(new Uint8Array(data as ArrayBuffer), message);
    assert.equal(events.socket.bufferedAmount, 0);
    events.socket.close();
    assert.equal((await events.closed).code, 1005);
  });
});

Deno.test("mesh.webSocket() uses HTTP/1.1 where the service speaks HTTP/2", async () => {
  await MeshRig.use(async (rig) => {
    await serveEcho(rig, "echo", { portName: "http2" });
    const client = await rig.join("sleep");
    await rig.answers(client, "http://echo/");
    const events = new Events(client.webSocket("ws://echo/"));
    await events.opened;
    events.socket.send("hi");
    assert.deepEqual(await events.count(1), ["hi"]);
    events.socket.close(1000);
    assert.equal((await events.closed).code, 1000);
  });
});

Deno.test("mesh.webSocket() tells why it could not open, then closes with 1006", async (t) => {
  await MeshRig.use(async (rig) => {
    const { mesh } = await rig.serve("plain", () => new Response("not here", { status: 404 }));
    rig.service({ name: "empty", ports: [], targetPort: 1 });
    await rig.istiod.settled();
    const client = await rig.join("sleep");
    await rig.answers(client, "http://plain/", 404);
    const table: [string, string, RegExp][] = [
      ["an ordinary answer", "ws://plain/", /ws:\/\/plain\/.*'404': not here/],
      ["no endpoints", "ws://empty/", /'503': .*no endpoints/],
      ["a host nobody knows", "ws://nowhere.example/", /nowhere\.example\/': It was answered with '502'/],
      ["TLS of the application, to nobody", "wss://plain:80/", /'502': .*REGISTRY_ONLY/],
    ];
    for (const [name, url, message] of table) {
      await t.step(name, async () => {
        const events = new Events(client.webSocket(url));
        assert.equal((await events.closed).code, 1006);
        assert.deepEqual(events.seen, ["error", "close"]);
        assert.match(events.error!.message, message);
      });
    }
    await t.step("closed before it was open", async () => {
      const events = new Events(client.webSocket("ws://plain/"));
      events.socket.close();
      assert.equal(events.socket.readyState, 2);
      assert.equal((await events.closed).code, 1006);
    });
    await t.step("aborted before it was open", async () => {
      const events = new Events(client.webSocket("ws://plain/", { signal: AbortSignal.abort() }));
      assert.equal((await events.closed).code, 1006);
    });
    await mesh.close({ drain: 0 });
  }, { outboundTrafficPolicy: "REGISTRY_ONLY" });
});

Deno.test("an upgrade that the configuration does not allow is answered with 403", async () => {
  await MeshRig.use(async (rig) => {
    const { port } = await serveEcho(rig, "echo");
    const response = await upgradeBy(port, "carrier-pigeon");
    assert.match(response, /^HTTP\/1\.1 403 /);
    assert.match(response, /carrier-pigeon/);
    assert.match(response, /connection: close/);
  });
});

/** Sends the head of an upgrade in plaintext with two requests behind it, and reads to the end. */
async function upgradeBy(port: number, protocol: string, fields = ""): Promise<string> {
  const socket = createConnection({ host: "127.0.0.1", port });
  const get = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";
  socket.write(`GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n${fields}\r\n${get}${get}`);
  let text = "";
  socket.setEncoding("latin1");
  for await (const chunk of socket) text += chunk;
  return text;
}

Deno.test("a malformed handshake is answered with 400 or 426, and what follows it is no request", async (t) => {
  await MeshRig.use(async (rig) => {
    const { port } = await serveEcho(rig, "echo");
    const key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const version = "sec-websocket-version: 13\r\n";
    const table: [string, string, number][] = [
      ["no key", version, 400],
      ["a short key", `${version}sec-websocket-key: AAAA\r\n`, 400],
      ["two keys", version + key + key, 400],
      ["no version", key, 426],
      ["another version", `${key}sec-websocket-version: 8\r\n`, 426],
      ["broken sub-protocols", `${key}${version}sec-websocket-protocol: a b\r\n`, 400],
    ];
    for (const [name, fields, status] of table) {
      await t.step(name, async () => {
        const text = await upgradeBy(port, "websocket", fields);
        assert.ok(text.startsWith(`HTTP/1.1 ${status} `), text);
        assert.equal(text.split("HTTP/1.1 ").length, 2, text);
        assert.match(text, /sec-websocket-version: 13/);
      });
    }
  });
});

Deno.test("mesh.upgradeWebSocket() serves the runtime's own WebSocket in plaintext", async () => {
  await MeshRig.use(async (rig) => {
    const sockets: Events[] = [];
    const { port } = await serveEcho(rig, "echo", { onUpgrade: ({ socket }) => sockets.push(new Events(socket)) });
    const events = new Events(new WebSocket(`ws://127.0.0.1:${port}/`));
    await events.opened;
    events.socket.send("hello");
    events.socket.send(new Uint8Array(100_000));
    const [text, bytes] = await events.count(2);
    assert.equal(text, "hello");
    assert.equal((bytes as ArrayBuffer).byteLength, 100_000);
    sockets[0]!.socket.close(4000, "bye");
    const close = await events.closed;
    assert.deepEqual([close.code, close.reason, close.wasClean], [4000, "bye", true]);
    assert.equal((await sockets[0]!.closed).wasClean, true);
  });
});

Deno.test("mesh.webSocket() speaks to Deno.serve and Deno.upgradeWebSocket outside of the mesh", async (t) => {
  await MeshRig.use(async (rig) => {
    const port = rig.plainServer((request) => {
      const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "chat" });
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => data === "end" ? socket.close(3001, "as asked") : socket.send(data);
      return response;
    });
    rig.service({ name: "legacy", ports: [port], targetPort: port, inMesh: false });
    rig.istiod.apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: legacy, namespace: default }
spec: { host: legacy, trafficPolicy: { tls: { mode: DISABLE } } }
`);
    await rig.istiod.settled();
    const client = await rig.join("sleep");
    for (const [name, url] of [["by route", "ws://legacy/"], ["by address", `ws://127.0.0.1:${port}/`]] as const) {
      await t.step(name, async () => {
        const events = new Events(client.webSocket(url, "chat"));
        await events.opened;
        assert.equal(events.error?.message ?? "", "");
        assert.equal(events.socket.protocol, "chat");
        events.socket.send("hello");
        events.socket.send(new Uint8Array(100_000).fill(7));
        const [text, bytes] = await events.count(2);
        assert.equal(text, "hello");
        assert.deepEqual(new Uint8Array(bytes as ArrayBuffer), new Uint8Array(100_000).fill(7));
        events.socket.send("end");
        const close = await events.closed;
        assert.deepEqual([close.code, close.reason, close.wasClean], [3001, "as asked", true]);
      });
    }
  });
});

Deno.test("a peer that vanishes ends the socket with an error and 1006", async () => {
  await MeshRig.use(async (rig) => {
    const sockets: Events[] = [];
    const { port } = await serveEcho(rig, "echo", { onUpgrade: ({ socket }) => sockets.push(new Events(socket)) });
    const socket = createConnection({ host: "127.0.0.1", port });
    socket.on("error", () => {});
    socket.write(
      "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n" +
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const head = await new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.match(head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
    await sockets[0]!.opened;
    socket.destroy();
    assert.equal((await sockets[0]!.closed).code, 1006);
    assert.deepEqual(sockets[0]!.seen, ["open", "error", "close"]);
  });
});

Deno.test("sockets are told 1001 when the server shuts down and when the mesh is closed", async () => {
  await MeshRig.use(async (rig) => {
    const sockets: Events[] = [];
    const { server } = await serveEcho(rig, "echo", { onUpgrade: ({ socket }) => sockets.push(new Events(socket)) });
    const client = await rig.join("sleep");
    await rig.answers(client, "http://echo/");
    const first = new Events(client.webSocket("ws://echo/"));
    await first.opened;
    await server.shutdown();
    assert.equal((await first.closed).code, 1001);
    assert.equal((await sockets[0]!.closed).wasClean, true);

    const again = await serveEcho(rig, "again", { onUpgrade: ({ socket }) => sockets.push(new Events(socket)) });
    await rig.answers(client, "http://again/");
    const second = new Events(client.webSocket("ws://again/"));
    await second.opened;
    await client.close({ drain: 5_000 });
    assert.equal((await second.closed).wasClean, true);
    assert.equal((await sockets[1]!.closed).code, 1001);
    assert.equal(client.openHandles, 0);
    await again.mesh.close({ drain: 0 });
    const third = new Events(client.webSocket("ws://again/"));
    assert.equal((await third.closed).code, 1006);
  });
});

Deno.test("mesh.close() without drain time ends open sockets at once", async () => {
  await MeshRig.use(async (rig) => {
    await serveEcho(rig, "echo");
    const client = await rig.join("sleep");
    await rig.answers(client, "http://echo/");
    const events = new Events(client.webSocket("ws://echo/"));
    await events.opened;
    await client.close({ drain: 0 });
    await events.closed;
    assert.equal(client.openHandles, 0);
  });
});

Deno.test("mesh.upgradeWebSocket() says what to do with a request it cannot upgrade", async () => {
  await MeshRig.use(async (rig) => {
    const errors: string[] = [];
    const mesh = await rig.join("echo");
    const attempt = (act: () => void) => {
      try {
        act();
      } catch (error) {
        assert.ok(error instanceof TypeError);
        errors.push(error.message);
      }
    };
    const { port } = await rig.serve("echo", (request) => {
      attempt(() => mesh.upgradeWebSocket(request.clone()));
      attempt(() => mesh.upgradeWebSocket(request, { protocol: "none" }));
      const upgrade = mesh.upgradeWebSocket(request);
      attempt(() => mesh.upgradeWebSocket(request));
      return upgrade.response;
    }, { mesh });
    const events = new Events(new WebSocket(`ws://127.0.0.1:${port}/`));
    await events.opened;
    events.socket.close();
    await events.closed;
    attempt(() => mesh.upgradeWebSocket(new Request("http://a/")));
    assert.match(errors[0]!, /pass on the original one/);
    assert.match(errors[1]!, /did not offer the sub-protocol 'none'/);
    assert.match(errors[2]!, /upgraded before/);
    assert.match(errors[3]!, /asks for no upgrade/);
  });
});

Deno.test("a socket whose response is not returned fails, and its client gets what was returned", async () => {
  await MeshRig.use(async (rig) => {
    const mesh = await rig.join("echo");
    let lost: Events | null = null;
    const { port } = await rig.serve("echo", (request) => {
      lost = new Events(mesh.upgradeWebSocket(request).socket);
      return new Response("changed my mind", { status: 403 });
    }, { mesh });
    const events = new Events(new WebSocket(`ws://127.0.0.1:${port}/`));
    await events.closed;
    assert.ok(!events.seen.includes("open"));
    assert.equal((await lost!.closed).code, 1006);
  });
});
