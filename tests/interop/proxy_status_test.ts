/**
 * `istioctl proxy-status` of a mesh that was sent something bad, on FakeIstiod and on a real istiod: it shows as an error
 * of its type, and as none once a good version came.
 */
import assert from "node:assert/strict";
import { loadBootstrap } from "../../lib/bootstrap/bootstrap.ts";
import type { JoinOptions } from "../../lib/bootstrap/join_options.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { MeshRuntime } from "../../lib/mesh_runtime.ts";
import { FakeIstiod } from "../../lib/testing/mod.ts";
import { TYPE } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";
import { proxyStatus, type StatusQuestion } from "./istioctl.ts";
import { startIstiod } from "./istiod.ts";

/** Exempt from the sanitizers, as every suite on grpc-js is. */
const UNSANITIZED = { sanitizeOps: false, sanitizeResources: false };

async function join(options: JoinOptions): Promise<MeshRuntime> {
  const bootstrap = await loadBootstrap({
    ...options,
    besideSidecar: true,
    admin: false,
    statusPort: false,
    readinessPort: false,
    prometheusPort: false,
    logger: silentLogger,
  });
  const runtime = new MeshRuntime({ bootstrap, logger: silentLogger, clock: systemClock, random: Math.random });
  await runtime.join(null);
  return runtime;
}

/** Status by type of the one workload with that name. */
async function statusOf(workload: string, question: StatusQuestion): Promise<Record<string, string>> {
  const [head, ...rows] = await proxyStatus(question);
  const row = rows.find(([name]) => name!.includes(workload));
  assert.ok(row !== undefined, `no '${workload}' in ${JSON.stringify(rows)}`);
  return Object.fromEntries(head!.map((name, index) => [name, row[index] ?? ""]));
}

Deno.test("FakeIstiod: a refused cluster, and its good version", UNSANITIZED, async () => {
  await using istiod = await FakeIstiod.start();
  const mesh = await join(istiod.workload({ name: "client-1" }));
  try {
    // istioctl asks as the default account of the root namespace.
    const issued = await istiod.authority.issue({ uriSans: ["spiffe://cluster.local/ns/istio-system/sa/default"] });
    const question = { ...issued, address: istiod.discoveryAddress, roots: istiod.rootCertificates };
    const push = async (type: unknown) => {
      istiod.push(TYPE.cluster, [{ name: "bad", value: { name: "bad", connectTimeout: { seconds: 1 }, type } }]);
      await istiod.settled();
    };
    assert.equal((await statusOf("client-1", question)).CDS, "SYNCED");
    await push(77);
    const refused = await statusOf("client-1", question);
    assert.deepEqual([refused.CDS, refused.LDS], ["ERROR", "SYNCED"]);
    await push("STATIC");
    assert.equal((await statusOf("client-1", question)).CDS, "SYNCED");
  } finally {
    await mesh.close({ drain: 0 });
  }
});

/** istiod hands on what an EnvoyFilter adds without looking at it as closely as a proxy does. */
const ADDED_CLUSTER = (address: string) => `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: added, namespace: default }
spec:
  configPatches:
    - applyTo: CLUSTER
      patch:
        operation: ADD
        value:
          name: added
          type: STATIC
          connect_timeout: 1s
          load_assignment:
            cluster_name: added
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: ${address}, port_value: 80 } } } }] }]
`;

Deno.test("a real istiod: a refused cluster, and its good version", UNSANITIZED, async () => {
  await using istiod = await startIstiod({});
  const options = async (name: string, namespace: string, serviceAccount: string): Promise<JoinOptions> => ({
    discoveryAddress: istiod.discoveryAddress,
    caAddress: istiod.discoveryAddress,
    rootCertificates: istiod.root,
    token: await istiod.token(namespace, serviceAccount),
    workload: { name, namespace, serviceAccount, ips: ["127.0.0.1"] },
    env: {},
  });
  const asker = await join(await options("asker", "istio-system", "default"));
  const mesh = await join(await options("client-1", "default", "client"));
  try {
    const { chain, key } = asker.secrets.certificate("default")!;
    const question = { address: istiod.discoveryAddress, chain, key, roots: istiod.root };
    const becomes = (status: string) =>
      until(`CDS is ${status}`, async () => (await statusOf("client-1", question)).CDS === status, 10_000);
    await becomes("SYNCED");
    await istiod.apply(ADDED_CLUSTER("no-address"));
    await becomes("ERROR");
    const failure = mesh.store.records.list("cluster").find(({ name }) => name === "added")?.failure;
    assert.match(failure?.errors.join() ?? "", /must be an IP address, current value is 'no-address'/);
    assert.equal((await statusOf("client-1", question)).LDS, "SYNCED");
    await istiod.apply(ADDED_CLUSTER("127.0.0.9"));
    await becomes("SYNCED");
    assert.ok(mesh.store.current.cluster("added") !== null);
  } finally {
    await mesh.close({ drain: 0 });
    await asker.close({ drain: 0 });
  }
});
