/** What a cluster says of its connections, on real sockets. */
import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Mesh } from "../../mod.ts";
import { packAny } from "../../lib/protobuf/registry.ts";
import type { EnvoyConfigCoreV3TransportSocket as TransportSocket } from "../../lib/protobuf/gen/messages.ts";
import { httpsServer, latin1 } from "../support/https_server.ts";
import { block, frame, Http2Peer } from "../support/http2_peer.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { nodeSocketStream } from "../support/node_socket_stream.ts";
import { assignment, pushClusters } from "../support/pushed_cluster.ts";
import { TestCa } from "../support/test_ca.ts";
import { until } from "../support/until.ts";

const PROXY = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport";
const TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const CACHE = { name: "cache", dnsLookupFamily: "V4_ONLY" };

const ca = await TestCa.create();
const certificate = await ca.issue({ uris: [], dns: ["outside.example"] });

async function ask(mesh: Mesh, url: string, init?: RequestInit): Promise<{ status: number; text: string }> {
  const response = await mesh.fetch(url, init);
  return { status: response.status, text: await response.text() };
}

const raw: TransportSocket = {
  name: "envoy.transport_sockets.raw_buffer",
  typedConfig: packAny("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", {}),
};
const tls: TransportSocket = {
  name: "envoy.transport_sockets.tls",
  typedConfig: packAny(TLS, {
    sni: "outside.example",
    commonTlsContext: { validationContext: { trustedCa: { inlineString: ca.root } } },
  }),
};

function proxyProtocol(transportSocket: TransportSocket, version: "V1" | "V2"): TransportSocket {
  return {
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    typedConfig: packAny(PROXY, { config: { version }, transportSocket }),
  };
}

/** A server that answers every connection's first bytes with a response and keeps what it saw. */
async function tcpServer(rig: MeshRig, onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  rig.defer(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port;
}

Deno.test("PROXY protocol in front of plaintext and of TLS, in both versions", async (t) => {
  await MeshRig.use(async (rig) => {
    const seen: { bytes: string; port: number }[] = [];
    const plain = await tcpServer(rig, (socket) => {
      socket.once("data", (bytes: Uint8Array) => {
        seen.push({ bytes: latin1(bytes), port: socket.remotePort! });
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      });
    });
    const preambleLength = (bytes: Uint8Array) => bytes[0] === 0x0d ? 28 : bytes.indexOf(0x0a) + 1;
    const secure = await httpsServer({ certificate: () => certificate, preambleLength });
    rig.defer(() => secure.close());
    const mesh = await rig.join("caller");
    const cluster = (name: string, port: number, transportSocket: TransportSocket) => ({
      name,
      type: "STATIC",
      loadAssignment: assignment(name, ["127.0.0.1", port]),
      transportSocket,
    });
    await pushClusters(rig, [
      { port: 7101, cluster: cluster("plain-1", plain, proxyProtocol(raw, "V1")) },
      { port: 7102, cluster: cluster("plain-2", plain, proxyProtocol(raw, "V2")) },
      { port: 7103, cluster: cluster("secure-1", secure.port, proxyProtocol(tls, "V1")) },
      { port: 7104, cluster: cluster("secure-2", secure.port, proxyProtocol(tls, "V2")) },
    ]);
    await t.step("version 1, plaintext: from the connection's own address, to where the caller went", async () => {
      assert.equal((await ask(mesh, "http://10.1.1.1:7101/")).text, "ok");
      const { bytes, port } = seen.pop()!;
      assert.ok(bytes.startsWith(`PROXY TCP4 127.0.0.1 10.1.1.1 ${port} 7101\r\nGET / HTTP/1.1\r\n`), bytes);
    });
    await t.step("another destination has a connection of its own", async () => {
      assert.equal((await ask(mesh, "http://10.1.1.2:7101/")).text, "ok");
      assert.match(seen.pop()!.bytes, /^PROXY TCP4 127.0.0.1 10.1.1.2 /);
    });
    await t.step("version 2, plaintext", async () => {
      assert.equal((await ask(mesh, "http://10.1.1.1:7102/")).text, "ok");
      const { bytes, port } = seen.pop()!;
      const codes = Array.from(bytes, (char) => char.charCodeAt(0));
      assert.equal(bytes.slice(0, 12), "\r\n\r\n\0\r\nQUIT\n");
      assert.deepEqual(codes.slice(12, 28), [
        ...[0x21, 0x11, 0, 12],
        ...[127, 0, 0, 1],
        ...[10, 1, 1, 1],
        ...[port >> 8, port & 255],
        ...[7102 >> 8, 7102 & 255],
      ]);
      assert.ok(bytes.slice(28).startsWith("GET / HTTP/1.1\r\n"));
    });
    await t.step("before the handshake of TLS", async () => {
      const first = JSON.parse((await ask(mesh, "http://10.1.1.1:7103/")).text);
      assert.match(first.preamble, /^PROXY TCP4 127\.0\.0\.1 10\.1\.1\.1 \d+ 7103\r\n$/);
      assert.equal(first.sni, "outside.example");
      const second = JSON.parse((await ask(mesh, "http://10.1.1.1:7104/")).text);
      assert.equal(second.preamble.length, 28);
    });
  });
});

Deno.test("A server that does not answer PINGs is found out; one that does keeps its connection", async () => {
  await MeshRig.use(async (rig) => {
    const peers: Http2Peer[] = [];
    const port = await tcpServer(rig, (socket) => {
      const peer = new Http2Peer(nodeSocketStream(socket), "server");
      // Before anything of the client has arrived.
      peer.hello();
      peers.push(peer);
    });
    const mesh = await rig.join("caller");
    await pushClusters(rig, [{
      port: 7201,
      cluster: {
        name: "pinged",
        type: "STATIC",
        loadAssignment: assignment("pinged", ["127.0.0.1", port]),
        typedExtensionProtocolOptions: {
          [HTTP_OPTIONS]: packAny(HTTP_OPTIONS, {
            explicitHttpConfig: {
              http2ProtocolOptions: {
                connectionKeepalive: { interval: { nanos: 100_000_000 }, timeout: { nanos: 100_000_000 } },
              },
            },
          }),
        },
      },
    }]);
    const first = mesh.fetch("http://10.1.1.1:7201/");
    await until("the mesh has connected", () => peers.length === 1);
    const [peer] = peers as [Http2Peer];
    await peer.next("HEADERS");
    peer.send(frame("HEADERS", 5, 1, block(":status", "204")));
    const answered = await first;
    assert.equal(answered.status, 204, await answered.text());
    // Nothing is under way, and the peer is asked nevertheless.
    const ping = await peer.next("PING");
    peer.send(frame("PING", 1, 0, ping.payload));
    await peer.next("PING");
    // Unanswered from here on: the connection is cut, the next request opens another.
    await until("the next request goes elsewhere", async () => {
      if (peers.length > 1) return true;
      const controller = new AbortController();
      const sent = mesh.fetch("http://10.1.1.1:7201/", { signal: controller.signal }).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, 50));
      controller.abort();
      await sent;
      return peers.length > 1;
    });
  });
});

Deno.test("A dynamic forward proxy goes where the host of the request says", async (t) => {
  await MeshRig.use(async (rig) => {
    const outside = rig.plainServer((request) => new Response(`outside ${request.headers.get("host")}`));
    const mesh = await rig.join("caller");
    const name = "envoy.filters.http.dynamic_forward_proxy";
    await pushClusters(rig, [{
      port: 7301,
      cluster: {
        name: "dynamic",
        lbPolicy: "CLUSTER_PROVIDED",
        clusterType: {
          name: "envoy.clusters.dynamic_forward_proxy",
          typedConfig: packAny("envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig", {
            dnsCacheConfig: CACHE,
          }),
        },
      },
      filters: [{
        name,
        typedConfig: packAny("envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig", {
          dnsCacheConfig: CACHE,
        }),
      }],
      perFilterConfig: {
        [name]: packAny("envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig", {
          hostRewriteLiteral: `localhost:${outside}`,
        }),
      },
    }]);
    await t.step("by name and by address", async () => {
      for (const host of [`localhost:${outside}`, `127.0.0.1:${outside}`]) {
        const { status, text } = await ask(mesh, "http://10.1.1.1:7301/", { headers: { host } });
        assert.deepEqual([status, text], [200, `outside ${host}`]);
      }
    });
    await t.step("the route may rewrite the host", async () => {
      const { text } = await ask(mesh, "http://10.1.1.1:7301/rewritten", { headers: { host: "elsewhere.invalid" } });
      assert.equal(text, `outside localhost:${outside}`);
    });
    await t.step("a name nobody knows is 503 with DF", async () => {
      const { status, text } = await ask(mesh, "http://10.1.1.1:7301/", { headers: { host: "no-such-host.invalid" } });
      assert.equal(status, 503);
      assert.match(text, /no-such-host\.invalid/);
    });
  });
});

Deno.test("ORIGINAL_DST: a forged x-envoy-original-dst-host changes nothing, a port override does", async () => {
  await MeshRig.use(async (rig) => {
    const wanted = rig.plainServer(() => new Response("wanted"));
    const other = rig.plainServer(() => new Response("other"));
    const mesh = await rig.join("caller");
    const original = (name: string, config: object) => ({
      name,
      type: "ORIGINAL_DST",
      lbPolicy: "CLUSTER_PROVIDED",
      originalDstLbConfig: config,
    });
    await pushClusters(rig, [
      { port: wanted, cluster: original("plain", {}) },
      { port: 7401, cluster: original("header", { useHttpHeader: true }) },
      { port: 7402, cluster: original("port", { upstreamPortOverride: { value: other } }) },
    ]);
    const headers = { "x-envoy-original-dst-host": `127.0.0.1:${other}` };
    assert.equal((await ask(mesh, `http://127.0.0.1:${wanted}/`, { headers })).text, "wanted");
    assert.equal((await ask(mesh, "http://127.0.0.1:7401/", { headers })).text, "other");
    assert.equal((await ask(mesh, "http://127.0.0.1:7402/", {})).text, "other");
  });
});

Deno.test("Bad clusters are refused by name with every reason; the last good one serves on", async () => {
  await MeshRig.use(async (rig) => {
    const port = rig.plainServer(() => new Response("good"));
    const mesh = await rig.join("caller");
    const good = { name: "good", type: "STATIC", loadAssignment: assignment("good", ["127.0.0.1", port]) };
    await pushClusters(rig, [{ port: 7501, cluster: good }]);
    assert.equal((await ask(mesh, "http://10.1.1.1:7501/")).text, "good");
    await pushClusters(rig, [{
      port: 7501,
      cluster: {
        ...good,
        loadAssignment: assignment("good", ["not-an-address", port]),
        transportSocket: { name: "p", typedConfig: packAny(PROXY, {}) },
        upstreamBindConfig: { sourceAddress: { address: "here" } },
        circuitBreakers: { thresholds: [{ retryBudget: { budgetPercent: { value: 101 } } }] },
      },
    }]);
    const { message } = rig.istiod.nacks.at(-1)!;
    for (const field of ["good", "address", "transport_socket", "upstream_bind_config", "budget_percent"]) {
      assert.match(message, new RegExp(field));
    }
    assert.equal((await ask(mesh, "http://10.1.1.1:7501/")).text, "good");
  });
});
