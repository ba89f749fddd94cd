import assert from "node:assert/strict";
import { decode } from "../../../lib/protobuf/registry.ts";
import type { EnvoyConfigListenerV3FilterChain as FilterChain } from "../../../lib/protobuf/gen/messages.ts";
import { Generated, networking, service } from "./generated.ts";

const HOST = "a.default.svc.cluster.local";
const RULE = "trafficPolicy: {connectionPool: {tcp: {idleTimeout: 9s, maxConnectionDuration: 1m}}, " +
  "tunnel: {targetHost: proxy.test, targetPort: 3128, protocol: POST}, loadBalancer: {consistentHash: {useSourceIp: true}}}";

function proxyOf(chain: FilterChain) {
  const filter = chain.filters!.at(-1)!;
  return decode("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", filter.typedConfig!.value!);
}

/** Chains of a listener as `MATCH -> CLUSTERS`, the default one last. */
function chainsOf(routes: string, port = "tcp:90", ...others: string[]): string[] {
  const made = new Generated([
    service("a", [port]),
    ...routes === "" ? [] : [networking("VirtualService", `{hosts: [a], ${routes}}`)],
    ...others,
  ]);
  const { filterChains = [], defaultFilterChain } = made.listener("10.96.0.1_90");
  const text = (chain: FilterChain) => {
    const { serverNames = [], prefixRanges = [] } = chain.filterChainMatch ?? {};
    const { cluster, weightedClusters } = proxyOf(chain);
    const match = [...serverNames, ...prefixRanges.map((range) => `${range.addressPrefix}/${range.prefixLen!.value}`)];
    const clusters = weightedClusters?.clusters?.map(({ name, weight }) => `${name}=${weight}`) ?? [cluster];
    return `${match.join() || "*"} -> ${clusters.join(" ")}`;
  };
  return [...filterChains.map(text), ...defaultFilterChain === undefined ? [] : [`else ${text(defaultFilterChain)}`]];
}

const to = (fields: string) => `route: [{destination: {${fields}}}]`;

Deno.test("without a route bytes go to the service", () => {
  assert.deepEqual(chainsOf(""), [`* -> outbound|90||${HOST}`]);
});

Deno.test("TCP: the first match of every address ends the list; weights", () => {
  const weighted = "route: [{destination: {host: a, subset: s}, weight: 1}, {destination: {host: b.test}, weight: 3}]";
  assert.deepEqual(chainsOf(`tcp: [{${weighted}}, {${to("host: c.test")}}]`), [
    `* -> outbound|90|s|${HOST}=1 outbound|90||b.test=3`,
  ]);
  assert.deepEqual(chainsOf(`tcp: [{match: [{port: 91}], ${to("host: c.test")}}]`), [`* -> outbound|90||${HOST}`]);
  assert.deepEqual(
    chainsOf(
      `tcp: [{match: [{sourceLabels: {app: other}}], ${to("host: c.test")}}, {match: [{sourceLabels: {app: sleep}}], ${
        to("host: d.test")
      }}]`,
    ),
    ["* -> outbound|90||d.test"],
  );
});

Deno.test("TCP: addresses stand before the rest, which goes to the service", () => {
  const match = "match: [{destinationSubnets: [10.1.0.0/16, 10.2.0.1]}]";
  assert.deepEqual(chainsOf(`tcp: [{${match}, ${to("host: c.test")}}]`), [
    "10.1.0.0/16,10.2.0.1/32 -> outbound|90||c.test",
    `else * -> outbound|90||${HOST}`,
  ]);
});

Deno.test("TLS: by server name, each once; what has another name is none of the service's", () => {
  const routes = (sni: string, host: string) => `{match: [{sniHosts: [${sni}]}], ${to(`host: ${host}`)}}`;
  const spec = `tls: [${routes("a.test", "b.test")}, ${routes("a.test", "c.test")}, ${routes("'*.d.test'", "d.test")}]`;
  assert.deepEqual(chainsOf(spec, "tls:90"), [
    "a.test -> outbound|90||b.test",
    "*.d.test -> outbound|90||d.test",
    "else * -> PassthroughCluster",
  ]);
  assert.deepEqual(chainsOf(`tls: [{match: [{sniHosts: [a.test], port: 1}], ${to("host: b.test")}}]`, "https:90"), [
    `* -> outbound|90||${HOST}`,
  ]);
});

Deno.test("a destination without a port takes its service's only one", () => {
  assert.deepEqual(chainsOf(`tcp: [{${to("host: bb")}}]`, "tcp:90", service("bb", ["tcp:91"])), [
    "* -> outbound|91||bb.default.svc.cluster.local",
  ]);
  assert.deepEqual(chainsOf(`tcp: [{${to("host: bb")}}]`, "tcp:90", service("bb", ["tcp:91", "tcp-x:92"])), [
    "* -> outbound|90||bb.default.svc.cluster.local",
  ]);
});

Deno.test("connections go by the rule of their host", () => {
  const made = new Generated([service("a", ["tcp:90"]), networking("DestinationRule", `{host: a, ${RULE}}`)]);
  const { idleTimeout, maxDownstreamConnectionDuration, hashPolicy, tunnelingConfig } = proxyOf(
    made.listener("10.96.0.1_90").filterChains![0]!,
  );
  assert.deepEqual(idleTimeout, { seconds: 9 });
  assert.deepEqual(maxDownstreamConnectionDuration, { seconds: 60 });
  assert.deepEqual(hashPolicy, [{ sourceIp: {} }]);
  assert.deepEqual(tunnelingConfig, { hostname: "proxy.test:3128", usePost: true });
});
