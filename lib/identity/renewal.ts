import type { Random } from "../internal/random.ts";

/** When a certificate is renewed. */
export interface RenewalPolicy {
  /** Part of the lifetime that is left when it is renewed (`SECRET_GRACE_PERIOD_RATIO`). @default {0.5} */
  graceRatio?: number;
  /** Largest random shift of that part, to either side (`SECRET_GRACE_PERIOD_RATIO_JITTER`). @default {0.01} */
  graceRatioJitter?: number;
}

/** Bounds of the delay after a failed renewal, as ztunnel's: 0.5 s, doubled to 150 s. */
export const RENEWAL_BACKOFF = { initialMs: 500, maxMs: 150_000, jitter: 0.2 } as const;

/**
 * The moment to renew a certificate: `notAfter - lifetime x (0.5 +- 0.01)`. The lifetime counts from its receipt, as in
 * Istio's agent: certificates are dated back by two minutes, which would put short-lived ones past their half at once.
 *
 * @param receivedAt Milliseconds since the epoch.
 * @param notAfter Milliseconds since the epoch.
 * @returns Milliseconds since the epoch, never before `receivedAt`.
 */
export function renewalTime(receivedAt: number, notAfter: number, random: Random, policy: RenewalPolicy = {}): number {
  const { graceRatio = 0.5, graceRatioJitter = 0.01 } = policy;
  const ratio = Math.min(1, Math.max(0, graceRatio + (random() * 2 - 1) * graceRatioJitter));
  return Math.max(receivedAt, notAfter - Math.max(0, notAfter - receivedAt) * ratio);
}
