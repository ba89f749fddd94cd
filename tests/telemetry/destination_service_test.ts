import assert from "node:assert/strict";
import { DestinationServices, type ServiceCluster } from "../../lib/telemetry/destination_service.ts";
import type { Json } from "../../lib/protobuf/well_known.ts";

function cluster(name: string, services?: Json): ServiceCluster {
  return { name, metadata: services === undefined ? {} : { istio: { services } } };
}

const cart = [{ host: "cart.shop.svc.cluster.local", name: "cart", namespace: "shop" }];

Deno.test("names the service as Istio's stats filter does", () => {
  const table: [ServiceCluster | null, string | null, string | null, [string, string, string]][] = [
    [cluster("outbound|80||cart", cart), "default", "cart:80", ["cart.shop.svc.cluster.local", "cart", "shop"]],
    [cluster("inbound|80||", [{ host: "a.b.c" }]), null, null, ["a.b.c", "a", ""]],
    [cluster("outbound|80||x"), null, "x.example:80", ["x.example:80", "x.example:80", ""]],
    [cluster("outbound|80||x", []), null, "x", ["x", "x", ""]],
    [cluster("outbound|80||x", "garbage"), null, "x", ["x", "x", ""]],
    [cluster("outbound|80||x", [{ host: 5 }]), null, null, ["", "", ""]],
    [cluster("PassthroughCluster"), "allow_any", "example.com", ["example.com", "PassthroughCluster", ""]],
    [cluster("PassthroughCluster"), "mine", "example.com", ["example.com", "PassthroughCluster", ""]],
    [null, "block_all", "example.com", ["example.com", "BlackHoleCluster", ""]],
    [cluster("BlackHoleCluster"), null, null, ["", "BlackHoleCluster", ""]],
    [cluster("InboundPassthroughCluster"), null, null, ["", "InboundPassthroughCluster", ""]],
    [null, null, "example.com", ["example.com", "example.com", ""]],
    [null, null, null, ["", "", ""]],
  ];
  const services = new DestinationServices();
  for (const [of, route, host, [expectedHost, name, namespace]] of table) {
    const expected = { host: expectedHost, name, namespace };
    assert.deepEqual(services.of(of, route, host), expected, `${of?.name} ${route} ${host}`);
    assert.equal(services.of(of, route, host), services.of(of, route, host), "the same object each time");
  }
});

Deno.test("does not remember hosts without end", () => {
  const services = new DestinationServices();
  const first = services.of(null, null, "host-0");
  for (let i = 0; i < 2000; i++) services.of(null, null, `host-${i}`);
  assert.notEqual(services.of(null, null, "host-0"), first);
});
