import type { TokenClaims } from "../../identity/token_source.ts";
import type { CertificateFacts } from "../../transport/certificate.ts";
import { type CheckResult, result } from "../check.ts";
import { duration } from "../duration.ts";

/** Istio's CA dates certificates back by two minutes, for clocks that are late; more than the rest is a clock ahead. */
const BACKDATED_MS = 2 * 60_000;
const TOLERANCE_MS = 60_000;

/** What tells the time of others. */
export interface ClockEvidence {
  readonly roots: readonly CertificateFacts[];
  readonly claims: TokenClaims | null;
  /** The certificate the CA has made a moment ago. */
  readonly issued: CertificateFacts | null;
}

/** Compares the clock of this machine with the times that others have written down. */
export function checkClock({ roots, claims, issued }: ClockEvidence, now: number): CheckResult {
  const shows = `the clock shows '${new Date(now).toISOString()}'`;
  const hint = "Set the clock of this machine (NTP)";
  if (issued !== null) {
    const late = issued.notBefore - now;
    if (late > 0) {
      return result(
        "clock",
        "failed",
        `It is late by ${duration(late)} or more: ${shows}, the CA's certificate begins later`,
        hint,
      );
    }
    const ahead = -late - BACKDATED_MS;
    if (ahead > TOLERANCE_MS) {
      return result(
        "clock",
        "warning",
        `It may be ahead by ${duration(ahead)}: ${shows}, the CA's is behind that`,
        hint,
      );
    }
    return result("clock", "ok", "It agrees with the CA's");
  }
  if (roots.length > 0 && roots.every(({ notBefore }) => notBefore > now)) {
    return result("clock", "failed", `It is late: ${shows}, no root certificate is valid yet`, hint);
  }
  if (claims !== null && claims.expiresAt !== null && claims.expiresAt <= now) {
    return result("clock", "warning", `It may be ahead: ${shows}, the token has expired`, hint);
  }
  if (roots.length === 0 && claims === null) {
    return result("clock", "skipped", "Nothing to compare it with: the CA has issued no certificate");
  }
  return result("clock", "ok", "It is within the validity of root certificate and token");
}
