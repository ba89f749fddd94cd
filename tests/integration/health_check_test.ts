/** Active health checks in a whole mesh: the checks go over the mesh's mutual TLS, as traffic does. */
import assert from "node:assert/strict";
import { jsonToStruct } from "../../lib/protobuf/well_known.ts";
import { outboundMeshTls } from "../../lib/testing/generate/tls.ts";
import { MeshRig, TYPE } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";

const CLUSTER = "outbound|80||web.default.svc.cluster.local";

Deno.test("a workload that fails its checks is sent nothing, and is sent requests again once it passes", async () => {
  await MeshRig.use(async (rig) => {
    let healthy = false;
    const callers = new Set<string>();
    await rig.serve("web", (request, info) => {
      if (new URL(request.url).pathname !== "/healthz") return new Response("served");
      callers.add(info.peer?.principal ?? "nobody");
      return new Response(null, { status: healthy ? 200 : 503 });
    });
    rig.istiod.push(TYPE.cluster, [{
      name: CLUSTER,
      value: {
        name: CLUSTER,
        type: "EDS",
        edsClusterConfig: { edsConfig: { ads: {} }, serviceName: CLUSTER },
        commonLbConfig: { healthyPanicThreshold: { value: 0 } },
        healthChecks: [{
          timeout: { seconds: 5 },
          interval: { nanos: 20_000_000 },
          unhealthyThreshold: { value: 1 },
          healthyThreshold: { value: 1 },
          // The name of the cluster, which stands in for a host that is not given, is no authority.
          httpHealthCheck: { path: "/healthz", host: "web.default" },
        }],
        transportSocketMatches: [{
          name: "tlsMode-istio",
          match: jsonToStruct({ tlsMode: "istio" }),
          transportSocket: outboundMeshTls(
            ["spiffe://cluster.local/ns/default/sa/web"],
            "outbound_.80_._.web.default.svc.cluster.local",
            ["istio-peer-exchange", "istio"],
          ),
        }],
      },
    }]);
    const caller = await rig.join("caller");
    await rig.istiod.settled();
    const ask = async () => {
      const response = await caller.fetch("http://web.default/");
      return [response.status, await response.text()] as const;
    };
    const [status, text] = await ask();
    assert.equal(status, 503);
    assert.match(text, /none of its '1' endpoints is healthy/);
    assert.deepEqual([...callers], ["spiffe://cluster.local/ns/default/sa/caller"]);
    healthy = true;
    await until("it passes", async () => (await ask())[0] === 200);
    assert.equal((await ask())[1], "served");
    healthy = false;
    await until("it fails again", async () => (await ask())[0] === 503);
    assert.match(
      caller.metrics(),
      /^envoy_cluster_health_check_success\{envoy_cluster_name="outbound\|80\|\|web\.default\.svc\.cluster\.local"\} /m,
    );
    assert.ok(rig.log("caller").find(/An endpoint passes its health checks/) !== undefined, String(rig.log("caller")));
  });
});
