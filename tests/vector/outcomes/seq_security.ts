import type { OutcomeSequence } from "./outcome_table.ts";
import { CART, cluster, HTTPBIN, mutual } from "./parts.ts";

const MUTUAL = mutual(`outbound_.80_._.${CART}`, "shop/sa/cart");
const cart = (transport: unknown) => ({
  request: "http://cart.shop/",
  expect: { cluster: cluster(CART, 80), endpoints: [{ transport }, { transport }] },
});
const httpbin = {
  request: "http://httpbin:8000/",
  expect: {
    endpoints: [
      { transport: mutual(`outbound_.8000_._.${HTTPBIN}`, "default/sa/httpbin") },
      { transport: mutual(`outbound_.8000_._.${HTTPBIN}`, "default/sa/httpbin") },
    ],
  },
};

/** Policies of servers, as callers feel them: mutual TLS is theirs to take, unless a policy turns it off. */
export const SEQ_SECURITY: OutcomeSequence = {
  recording: "seq-security/sleep",
  // Who may call is decided by the server.
  fake: { without: /^kind: AuthorizationPolicy/m },
  steps: {
    initial: [cart(MUTUAL), httpbin],
    "01-apply-strict-default": [cart(MUTUAL), httpbin],
    "02-apply-disable-shop": [cart("plaintext"), httpbin],
    "03-apply-mesh-strict": [cart("plaintext"), httpbin],
    "04-apply-authz": [cart("plaintext"), httpbin],
    "06-delete-authz": [httpbin],
    "07-delete-mesh-strict": [cart("plaintext"), httpbin],
    "08-delete-strict-default": [cart("plaintext"), httpbin],
  },
};
