/** A difference between FakeIstiod and a recorded istiod that is known and harmless, with the reason. */
export interface AcceptedDifference {
  /** Matches `SCENARIO/NODE TYPE RESOURCE PATH: RECORDED -> GENERATED`. */
  readonly pattern: RegExp;
  readonly reason: string;
}

/** Documents left out of a scenario: kinds and fields that FakeIstiod does not take. */
export const LEFT_OUT: Readonly<Record<string, RegExp>> = {
  basic: /$^/,
  // The ServiceEntry of an outside host, and the rule for it.
  "tls-modes": /partner\.example\.test/,
  // Delegation and CORS policies, and the VirtualService that delegates.
  canary: /cart-delegating|cart-checkout/,
};

/** What may differ. */
export const ACCEPTED_DIFFERENCES: readonly AcceptedDifference[] = [
  {
    pattern: /^tls-modes\/\w+ \w+ (.*partner\.example\.test|\S*8443)/,
    reason: "the fake knows no ServiceEntry: the outside host and its port are missing",
  },
  {
    pattern: /^canary\/\w+ RDS 80 message\.virtualHosts\.cart\.shop\.svc\.cluster\.local:80/,
    reason: "the fake knows no delegation: the delegating VirtualService is left out",
  },
];
