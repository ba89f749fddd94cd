import type { OutcomeSequence } from "./outcome_table.ts";
import { at, CART, cluster } from "./parts.ts";

const OWN = cluster(CART, 80);
const PROMO = "promo.shop.svc.cluster.local";
const cart = (...endpoints: readonly Record<string, unknown>[]) => ({
  request: "http://cart.shop/",
  expect: { cluster: OWN, endpoints },
});
const NOBODY = { virtualHost: "allow_any", cluster: "PassthroughCluster" };

/** Endpoints come, go, are not ready, vanish and return; a service comes, gets a port and goes. */
export const SEQ_ENDPOINTS: OutcomeSequence = {
  recording: "seq-endpoints/sleep",
  fake: { without: /$^/ },
  steps: {
    initial: [cart(...at("10.0.1.2:9080", "10.0.1.1:9080")), { request: "http://promo.shop/", expect: NOBODY }],
    "01-apply-endpoint-added": [cart(
      { address: "10.0.1.2:9080", locality: "east/east-1" },
      { address: "10.0.1.1:9080", locality: "west/west-1" },
      { address: "10.0.1.3:9080", locality: "west/west-2" },
    )],
    "02-apply-endpoints-removed": [cart(...at("10.0.1.1:9080"))],
    "03-apply-endpoint-not-ready": [cart({ address: "10.0.1.1:9080", health: "unhealthy" })],
    "04-apply-no-endpoints": [cart()],
    "05-apply-endpoints-back": [cart({ address: "10.0.1.2:9080" }, { address: "10.0.1.1:9080", health: "healthy" })],
    "06-apply-service-added": [
      { request: "http://promo.shop/", expect: { cluster: cluster(PROMO, 80), endpoints: at("10.0.1.50:8080") } },
      { request: "tcp://10.96.1.50:5000", expect: { clusters: [{ name: "PassthroughCluster" }] } },
    ],
    "07-apply-service-port-added": [
      { request: "http://promo.shop/", expect: { cluster: cluster(PROMO, 80) } },
      {
        request: "tcp://promo.shop:5000",
        expect: { tcp: "10.96.1.50:5000", clusters: [{ name: cluster(PROMO, 5000) }] },
      },
    ],
    "08-delete-service": [
      { request: "http://promo.shop/", expect: NOBODY },
      { request: "tcp://10.96.1.50:5000", expect: { clusters: [{ name: "PassthroughCluster" }] } },
      cart(...at("10.0.1.2:9080", "10.0.1.1:9080")),
    ],
  },
};
