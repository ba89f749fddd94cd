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

const plaintext = (expect: Record<string, unknown>) => ({ request: "inbound 8080 plaintext http/1.1", expect });
const TAKEN = plaintext({ terminatesTls: false, targets: [{ name: "inbound|8080||" }] });
const REFUSED = plaintext({ refused: "no chain" });
const ELSEWHERE_REFUSED = { request: "inbound 7 plaintext", expect: { refused: "no chain" } };
const tls = (filters: Record<string, unknown> = {}) => ({
  request: "inbound 8080 tls istio-h2",
  expect: { terminatesTls: true, http: true, targets: [{ name: "inbound|8080||" }], ...filters },
});
const AUTHORIZED = tls({ filters: { includes: "envoy.filters.http.rbac" } });

/** The same policies, as the server lives by them: plaintext is taken, refused, and taken again. */
export const SEQ_SECURITY_SERVER: OutcomeSequence = {
  recording: "seq-security/httpbin",
  reports: ["RBAC' is not supported"],
  fake: { without: /^kind: AuthorizationPolicy/m },
  steps: {
    initial: [TAKEN, tls()],
    "01-apply-strict-default": [REFUSED, ELSEWHERE_REFUSED, tls()],
    "02-apply-disable-shop": [REFUSED, tls(), cart("plaintext")],
    "03-apply-mesh-strict": [REFUSED, ELSEWHERE_REFUSED, tls()],
    "06-delete-authz": [REFUSED, tls()],
    "07-delete-mesh-strict": [REFUSED, tls()],
    "08-delete-strict-default": [TAKEN, tls(), { request: "inbound 7 plaintext", expect: { terminatesTls: false } }],
  },
  recordedOnly: {
    // What a policy of callers becomes, the fake does not make.
    "04-apply-authz": [REFUSED, AUTHORIZED],
    "05-apply-authz-changed": [REFUSED, AUTHORIZED],
  },
};
