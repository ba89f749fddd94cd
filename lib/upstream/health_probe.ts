import type { CheckResult } from "./health_check_state.ts";

/** Checks one host, again and again; keeps its connection from check to check where that is wanted. */
export interface HealthProbe {
  /**
   * Checks once. Never rejects; one check at a time.
   *
   * @param signal Gives up when aborted: what was opened for the check is closed, the result is of no interest.
   */
  check(signal: AbortSignal): Promise<CheckResult>;
  /** Closes the connection. */
  close(): void;
}

/** A failure of the connection. */
export const NETWORK_FAILURE: CheckResult = {
  healthy: false,
  kind: "network",
  retriable: false,
  refusesTraffic: false,
};

/** An answer that is not a good one. */
export const BAD_ANSWER: CheckResult = { healthy: false, kind: "active", retriable: false, refusesTraffic: false };

/** A good one. */
export const GOOD_ANSWER: CheckResult = { healthy: true, degraded: false };
