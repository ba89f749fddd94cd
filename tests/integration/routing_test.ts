/** Where requests of a whole mesh go, and what is answered when they cannot go there. */
import assert from "node:assert/strict";
import type { Mesh } from "../../mod.ts";
import { encode, packAny } from "../../lib/protobuf/registry.ts";
import { MeshRig, TYPE } from "../support/mesh_rig.ts";

/** Status and text of an answer. */
async function ask(mesh: Mesh, url: string, init?: RequestInit): Promise<[number, string]> {
  const response = await mesh.fetch(url, init);
  return [response.status, await response.text()];
}

/** A port on which nobody listens. */
function closedPort(): number {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  listener.close();
  return listener.addr.port;
}

/** How often each flag was counted for local replies, from the metrics. */
function flags(mesh: Mesh): string[] {
  const found = mesh.metrics().matchAll(/^istio_requests_total\{.*?response_code="(\d+)".*?response_flags="([^"]*)"/gm);
  return [...found].map(([, code, flag]) => `${code} ${flag}`).sort();
}

function virtualService(name: string, http: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [${name}]
  http:
${http}
`;
}

Deno.test("hosts the mesh does not know are passed through to, by address and by name", async () => {
  await MeshRig.use(async (rig) => {
    const port = rig.plainServer((request) => new Response(`outside ${new URL(request.url).pathname}`));
    const caller = await rig.join("caller");
    assert.deepEqual(await ask(caller, `http://127.0.0.1:${port}/a`), [200, "outside /a"]);
    assert.deepEqual(await ask(caller, `http://localhost:${port}/b`), [200, "outside /b"]);
    const [status, text] = await ask(caller, `http://no-such-host.invalid:${port}/`);
    assert.equal(status, 503);
    assert.match(text, /no-such-host\.invalid/);
    assert.equal((await ask(caller, `http://127.0.0.1:${closedPort()}/`))[0], 503);
  });
});

Deno.test("REGISTRY_ONLY answers 502 for them, and serves the mesh's own", async () => {
  await MeshRig.use(async (rig) => {
    let reached = 0;
    const port = rig.plainServer(() => {
      reached++;
      return new Response("outside");
    });
    await rig.serve("web", () => new Response("inside"));
    const caller = await rig.join("caller");
    for (const host of ["127.0.0.1", "localhost"]) {
      const [status, text] = await ask(caller, `http://${host}:${port}/`);
      assert.equal(status, 502, text);
      assert.match(text, /REGISTRY_ONLY|ServiceEntry/);
    }
    await assert.doesNotReject(caller.fetch(`https://127.0.0.1:${port}/`).then((response) => response.body?.cancel()));
    assert.equal(reached, 0);
    assert.deepEqual(await ask(caller, "http://web.default/"), [200, "inside"]);
  }, { outboundTrafficPolicy: "REGISTRY_ONLY" });
});

Deno.test("every name of a service leads to it; a host header picks the virtual host", async () => {
  await MeshRig.use(async (rig) => {
    await rig.serve(
      "first",
      (request) => new Response(`first ${request.headers.get("host") ?? new URL(request.url).host}`),
    );
    await rig.serve("second", () => new Response("second"));
    const caller = await rig.join("caller");
    for (
      const host of ["first", "first.default", "first.default.svc", "first.default.svc.cluster.local", "FIRST.default"]
    ) {
      const [status, text] = await ask(caller, `http://${host}/`);
      assert.equal(status, 200, text);
      assert.equal(text, `first ${host.toLowerCase()}`);
    }
    assert.equal((await ask(caller, "http://first.default/", { headers: { host: "second.default" } }))[1], "second");
    const clusterIp = caller.metrics() === ""
      ? ""
      : rig.service({ name: "third", ports: [closedPort()], targetPort: 1 });
    await rig.istiod.settled();
    assert.equal((await ask(caller, `http://${clusterIp}/`, { headers: { host: "second" } }))[1], "second");
  });
});

Deno.test("what cannot be reached is answered as a sidecar would, with flag and reason", async (t) => {
  await MeshRig.use(async (rig) => {
    rig.service({ name: "empty", ports: [], targetPort: 1 });
    rig.service({ name: "refusing", ports: [closedPort()], targetPort: 2, inMesh: false });
    await rig.serve("slow", () => new Promise<Response>(() => {}));
    rig.istiod.apply(virtualService("slow", "    - { timeout: 0.05s, route: [{ destination: { host: slow } }] }"));
    rig.istiod.apply(
      virtualService("nowhere", "    - { route: [{ destination: { host: gone.default.svc.cluster.local } }] }"),
    );
    rig.service({ name: "nowhere", ports: [], targetPort: 3 });
    const caller = await rig.join("caller");
    await t.step("no endpoints: 503 UH", async () => {
      const [status, text] = await ask(caller, "http://empty.default/");
      assert.equal(status, 503);
      assert.match(text, /no endpoints/);
      assert.ok(flags(caller).includes("503 UH"), caller.metrics());
    });
    await t.step("connection refused: 503 UF", async () => {
      const [status, text] = await ask(caller, "http://refusing.default/");
      assert.equal(status, 503);
      assert.match(text, /refused/i);
      assert.ok(flags(caller).some((flag) => /^503 (URX,)?UF(,URX)?$/.test(flag)), flags(caller).join());
    });
    await t.step("route timeout: 504 UT", async () => {
      const [status, text] = await ask(caller, "http://slow.default/");
      assert.equal(status, 504);
      assert.match(text, /time/i);
      assert.ok(flags(caller).includes("504 UT"), flags(caller).join());
    });
    await t.step("a cluster that is not there: NC", async () => {
      const [status, text] = await ask(caller, "http://nowhere.default/");
      assert.ok(status === 503 || status === 500, String(status));
      assert.match(text, /cluster/);
      assert.ok(flags(caller).some((flag) => flag.endsWith("NC")), flags(caller).join());
    });
  });
});

Deno.test("VirtualServices: header match, rewrite, redirect, weights, faults, headers", async (t) => {
  await MeshRig.use(async (rig) => {
    const tell = (name: string) => (request: Request) =>
      Response.json({ name, path: new URL(request.url).pathname, added: request.headers.get("x-added") });
    await rig.serve("web", tell("web"));
    await rig.serve("canary", tell("canary"));
    rig.istiod.apply(virtualService(
      "web",
      `
    - match: [{ headers: { x-user: { exact: tester } } }]
      route: [{ destination: { host: canary } }]
    - match: [{ uri: { prefix: /old/ } }]
      rewrite: { uri: /new/ }
      headers: { request: { set: { x-added: "yes" } }, response: { add: { x-answered: "mesh" } } }
      route: [{ destination: { host: web } }]
    - match: [{ uri: { exact: /moved } }]
      redirect: { uri: /elsewhere, redirectCode: 308 }
    - match: [{ uri: { prefix: /abort } }]
      fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }
      route: [{ destination: { host: web } }]
    - match: [{ uri: { prefix: /delay } }]
      fault: { delay: { fixedDelay: 0.05s, percentage: { value: 100 } } }
      route: [{ destination: { host: web } }]
    - match: [{ uri: { prefix: /split } }]
      route:
        - { destination: { host: web }, weight: 50 }
        - { destination: { host: canary }, weight: 50 }
    - route: [{ destination: { host: web } }]
`,
    ));
    const caller = await rig.join("caller");
    const json = async (path: string, init?: RequestInit) => {
      const response = await caller.fetch(`http://web.default${path}`, init);
      return { status: response.status, headers: response.headers, body: await response.json() };
    };
    await t.step("header match", async () => {
      assert.equal((await json("/", { headers: { "x-user": "tester" } })).body.name, "canary");
      assert.equal((await json("/", { headers: { "x-user": "other" } })).body.name, "web");
    });
    await t.step("rewrite and headers", async () => {
      const { body, headers } = await json("/old/page");
      assert.equal(body.path, "/new/page");
      assert.equal(body.added, "yes");
      assert.equal(headers.get("x-answered"), "mesh");
    });
    await t.step("redirect", async () => {
      const manual = await caller.fetch("http://web.default/moved", { redirect: "manual" });
      assert.equal(manual.status, 308);
      assert.equal(manual.headers.get("location"), "http://web.default/elsewhere");
      await manual.body?.cancel();
      assert.equal((await json("/moved")).body.path, "/elsewhere");
    });
    await t.step("faults", async () => {
      assert.equal((await ask(caller, "http://web.default/abort"))[0], 418);
      const before = performance.now();
      assert.equal((await json("/delay")).status, 200);
      assert.ok(performance.now() - before > 45);
      assert.ok(flags(caller).includes("418 FI"), flags(caller).join());
    });
    await t.step("weights", async () => {
      const names = { web: 0, canary: 0 };
      for (let i = 0; i < 200; i++) names[(await json("/split")).body.name as "web" | "canary"]++;
      assert.ok(names.web > 50 && names.canary > 50, JSON.stringify(names));
    });
  });
});

Deno.test("a failed attempt is made again elsewhere", async (t) => {
  await MeshRig.use(async (rig) => {
    const seen: string[] = [];
    const { mesh, port, targetPort } = await rig.serve("web", async (request) => {
      seen.push(await request.text());
      return new Response("good");
    });
    const failing = await mesh.serve(
      { port: 0, hostname: "127.0.0.1", meshPort: targetPort, onListen: () => {} },
      async (request) => {
        await request.body?.cancel();
        return new Response("bad", { status: 503 });
      },
    );
    const caller = await rig.join("caller");
    await t.step("connection refused: any method", async () => {
      rig.endpoints("web", [port, closedPort()]);
      await rig.istiod.settled();
      for (let i = 0; i < 30; i++) {
        assert.deepEqual(await ask(caller, "http://web.default/", { method: "POST", body: "x" }), [200, "good"]);
      }
      assert.equal(seen.length, 30);
    });
    await t.step("503 where the VirtualService says so, never on the same endpoint again", async () => {
      rig.endpoints("web", [port, failing.addr.port]);
      rig.istiod.apply(
        virtualService(
          "web",
          "    - { retries: { attempts: 2, retryOn: '503' }, route: [{ destination: { host: web } }] }",
        ),
      );
      await rig.istiod.settled();
      for (let i = 0; i < 20; i++) assert.deepEqual(await ask(caller, "http://web.default/"), [200, "good"]);
    });
    await t.step("a streamed body too, also where the answer came before its end", async () => {
      const part = new TextEncoder().encode("a part of it, ".repeat(1000));
      for (let i = 0; i < 20; i++) {
        let parts = 0;
        const body = new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 0));
            if (++parts > 4) return controller.close();
            controller.enqueue(part);
          },
        });
        seen.length = 0;
        assert.deepEqual(await ask(caller, "http://web.default/", { method: "POST", body }), [200, "good"]);
        assert.equal(seen.at(-1)?.length, 4 * part.length);
      }
    });
    await t.step("not when the VirtualService says none", async () => {
      rig.istiod.apply(
        virtualService("web", "    - { retries: { attempts: 0 }, route: [{ destination: { host: web } }] }"),
      );
      await rig.istiod.settled();
      const statuses = new Set<number>();
      for (let i = 0; i < 40; i++) statuses.add((await ask(caller, "http://web.default/"))[0]);
      assert.deepEqual([...statuses].sort(), [200, 503]);
    });
  });
});

Deno.test("headers only a proxy may set are taken out, the request id is passed on", async () => {
  await MeshRig.use(async (rig) => {
    await rig.serve("web", (request) => Response.json([...request.headers]));
    const caller = await rig.join("caller");
    const get = async (headers: Record<string, string>) =>
      new Map<string, string>(await (await caller.fetch("http://web.default/", { headers })).json());
    const fresh = await get({});
    assert.match(fresh.get("x-request-id")!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    const given = await get({
      "x-request-id": "11111111-2222-4333-8444-555555555555",
      "x-envoy-retry-on": "5xx",
      "x-envoy-peer-metadata": "forged",
      "x-envoy-peer-metadata-id": "forged",
      "x-envoy-max-retries": "9",
    });
    assert.equal(given.get("x-request-id"), "11111111-2222-4333-8444-555555555555");
    for (const name of given.keys()) {
      assert.ok(!/^x-envoy-(retry|max-retries|peer-metadata)/.test(name), `${name}: ${given.get(name)}`);
    }
  });
});

/** An outbound listener on a port with one HTTP filter in front of the router. */
function listener(port: number, filter: string, isOptional: boolean): { name: string; value: object } {
  const router = {
    name: "envoy.filters.http.router",
    typedConfig: packAny("envoy.extensions.filters.http.router.v3.Router", {}),
  };
  const unknown = {
    name: filter,
    isOptional,
    typedConfig: { typeUrl: "type.googleapis.com/example.Unknown", value: new Uint8Array() },
  };
  return {
    name: `0.0.0.0_${port}`,
    value: {
      name: `0.0.0.0_${port}`,
      address: { socketAddress: { address: "0.0.0.0", portValue: port } },
      trafficDirection: "OUTBOUND",
      filterChains: [{
        filters: [{
          name: "envoy.filters.network.http_connection_manager",
          typedConfig: packAny(
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            {
              statPrefix: "test",
              routeConfig: {
                name: "inline",
                virtualHosts: [{
                  name: "any",
                  domains: ["*"],
                  routes: [{
                    match: { prefix: "/" },
                    directResponse: { status: 299, body: { inlineString: "direct" } },
                  }],
                }],
              },
              httpFilters: [unknown, router],
            },
          ),
        }],
      }],
    },
  };
}

Deno.test("a required filter that is not supported fails its chain by name, and nothing else", async (t) => {
  await MeshRig.use(async (rig) => {
    await rig.serve("web", () => new Response("served"));
    const caller = await rig.join("caller");
    const skipping = await rig.join("skipping", { join: { unsupportedFilters: { "example.filter": "skip" } } });
    rig.istiod.push(TYPE.listener, [listener(7001, "example.filter", false), listener(7002, "example.other", true)]);
    await rig.istiod.settled();
    await t.step("required: 500 with its name", async () => {
      const [status, text] = await ask(caller, "http://10.1.1.1:7001/");
      assert.equal(status, 500, text);
      assert.match(text, /example\.filter/);
      assert.match(text, /unsupportedFilters/);
    });
    await t.step("optional: left out", async () => {
      assert.deepEqual(await ask(caller, "http://10.1.1.1:7002/"), [299, "direct"]);
    });
    await t.step("skipped by option", async () => {
      assert.deepEqual(await ask(skipping, "http://10.1.1.1:7001/"), [299, "direct"]);
    });
    await t.step("others work", async () => {
      assert.deepEqual(await ask(caller, "http://web.default/"), [200, "served"]);
    });
  });
});

Deno.test("a bad resource is refused with every error, the last good one stays in use", async (t) => {
  await MeshRig.use(async (rig) => {
    await rig.serve("web", () => new Response("served"));
    const caller = await rig.join("caller");
    rig.istiod.push(TYPE.listener, [listener(7001, "example.other", true)]);
    await rig.istiod.settled();
    assert.deepEqual(await ask(caller, "http://10.1.1.1:7001/"), [299, "direct"]);
    await t.step("invalid fields", async () => {
      const before = rig.istiod.nacks.length;
      rig.istiod.push(TYPE.listener, [{
        name: "0.0.0.0_7001",
        value: {
          name: "0.0.0.0_7001",
          address: { socketAddress: { address: "0.0.0.0", portValue: 7001 } },
          trafficDirection: "OUTBOUND",
          filterChains: [{
            filterChainMatch: {
              prefixRanges: [{ addressPrefix: "300.1.1.1", prefixLen: { value: 99 } }],
              sourcePrefixRanges: [{ addressPrefix: "not an address", prefixLen: { value: 1 } }],
            },
            filters: [],
          }],
        },
      }, listener(7003, "example.other", true)]);
      await rig.istiod.settled();
      const nacks = rig.istiod.nacks.slice(before).filter(({ nodeId }) => nodeId.includes("caller"));
      assert.equal(nacks.length, 1, JSON.stringify(rig.istiod.nacks));
      assert.match(nacks[0]!.message, /0\.0\.0\.0_7001/);
      assert.match(nacks[0]!.message, /not an address/);
      assert.match(nacks[0]!.message, /300\.1\.1\.1/);
      assert.deepEqual(await ask(caller, "http://10.1.1.1:7001/"), [299, "direct"], "the last good one");
      assert.deepEqual(await ask(caller, "http://10.1.1.1:7003/"), [299, "direct"], "the good one beside it");
    });
    await t.step("bytes that are no message", async () => {
      const before = rig.istiod.nacks.length;
      const good = encode("envoy.config.cluster.v3.Cluster", { name: "x" });
      rig.istiod.push(TYPE.cluster, [{ name: "outbound|80||web.default.svc.cluster.local", value: good.slice(0, 2) }]);
      await rig.istiod.settled();
      assert.ok(rig.istiod.nacks.length > before);
      assert.match(rig.istiod.nacks.at(-1)!.message, /outbound\|80\|\|web/);
      assert.deepEqual(await ask(caller, "http://web.default/"), [200, "served"]);
    });
    await t.step("a wrong type inside", async () => {
      const before = rig.istiod.nacks.length;
      rig.istiod.withdraw(TYPE.cluster);
      await rig.istiod.settled();
      rig.istiod.push(TYPE.route, [{
        name: "80",
        value: encode("envoy.config.cluster.v3.Cluster", { name: "80" }),
        typeUrl: TYPE.cluster,
      }]);
      await rig.istiod.settled();
      assert.ok(rig.istiod.nacks.length > before);
      assert.deepEqual(await ask(caller, "http://web.default/"), [200, "served"]);
    });
    await t.step("everything is logged once it was refused", () => {
      assert.match(rig.log("caller").find(/0\.0\.0\.0_7001/) ?? "", /not an address/, String(rig.log("caller")));
    });
  });
});
