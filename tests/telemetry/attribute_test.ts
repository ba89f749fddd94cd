import assert from "node:assert/strict";
import { compileAttribute } from "../../lib/telemetry/attribute.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { fakeStreamInfo } from "../formatter/fake_stream_info.ts";

const peer = {
  id: "x",
  workloadName: "cart-v1",
  namespace: "shop",
  clusterId: "c1",
  canonicalService: "cart",
  canonicalRevision: "v1",
  app: "cart",
  version: "",
};
const source = {
  info: fakeStreamInfo({ requestHeaders: new HeaderList(["x-user", "ann"]) }),
  peer,
  node: { CLUSTER_ID: "Kubernetes", LABELS: { app: "sleep" } },
};

Deno.test("reads attributes as label values", () => {
  const table: [string, string][] = [
    ["request.method", "GET"],
    ["request.url_path", "/reviews/1"],
    ["request.query", "full"],
    ["request.host", "reviews:9080"],
    ["request.total_size", "185"],
    ["response.code", "200"],
    ["response.grpc_status", "unknown"],
    ["destination.port", "9080"],
    ["upstream.address", "10.0.0.7:9080"],
    ["connection.mtls", "false"],
    ["xds.cluster_name", "outbound|9080||reviews.default.svc.cluster.local"],
    ["request.headers['X-User']", "ann"],
    ['request.headers["nope"]', "unknown"],
    ["node.metadata['CLUSTER_ID']", "Kubernetes"],
    ["node.metadata['LABELS']", "unknown"],
    ["node.metadata['toString']", "unknown"],
    ["upstream_peer.workload", "cart-v1"],
    ["upstream_peer.version", "unknown"],
    ["downstream_peer.workload", "unknown"],
    ["'fixed'", "fixed"],
    [' "fixed" ', "fixed"],
  ];
  for (const [expression, value] of table) assert.equal(compileAttribute(expression)?.(source), value, expression);
});

Deno.test("refuses every other expression", () => {
  const table = ["", "request", "request.nope", "toString", "request.method == 'GET'", "upstream_peer.id", "'a' + 'b'"];
  for (const expression of table) assert.equal(compileAttribute(expression), null, expression);
});
