import type { Bootstrap } from "../../bootstrap/bootstrap.ts";
import { createTokenSource, peekClaims, type TokenClaims } from "../../identity/token_source.ts";
import { type CheckResult, result } from "../check.ts";
import { failures } from "../failure.ts";
import { duration } from "../duration.ts";

const AUDIENCE = "istio-ca";
const MOUNT = `Mount a projected service account token with audience '${AUDIENCE}'`;

/** Reads the token and looks at what it claims. It is never shown. */
export async function checkToken(
  bootstrap: Bootstrap,
  now: number,
): Promise<{ claims: TokenClaims | null; result: CheckResult }> {
  const none = (found: CheckResult) => ({ claims: null, result: found });
  if (bootstrap.token === null) {
    const instead = bootstrap.certificateFiles === null ? "the control plane is asked without one" : "files prove us";
    return none(result("token", "skipped", `No token is used: ${instead}`));
  }
  const source = createTokenSource(bootstrap.token);
  let token: string | null;
  try {
    token = await source.read();
  } catch (error) {
    return none(failures("token", error)[0]!);
  }
  if (token === null) return none(result("token", "failed", `Cannot find the token: ${source.description}`, MOUNT));
  const claims = peekClaims(token);
  if (claims === null) {
    return none(
      result(
        "token",
        "warning",
        `The token is not a JWT (${source.description})`,
        "Check that the right file is mounted",
      ),
    );
  }
  return { claims, result: judge(claims, source.description, bootstrap, now) };
}

function judge(claims: TokenClaims, from: string, { workload }: Bootstrap, now: number): CheckResult {
  const { expiresAt, audiences, subject } = claims;
  if (expiresAt !== null && expiresAt <= now) {
    return result(
      "token",
      "failed",
      `The token expired at '${new Date(expiresAt).toISOString()}' (${from})`,
      "Check that the kubelet or whoever made it renews it, and the clock of this machine",
    );
  }
  const wanted = `system:serviceaccount:${workload.namespace}:${workload.serviceAccount}`;
  if (subject !== null && subject.startsWith("system:serviceaccount:") && subject !== wanted) {
    return result(
      "token",
      "failed",
      `The token is for '${subject}', the settings say '${wanted}'`,
      "Check POD_NAMESPACE and SERVICE_ACCOUNT, or mount the token of this service account",
    );
  }
  if (!audiences.includes(AUDIENCE)) {
    const found = audiences.length === 0 ? "no audience" : `audience '${audiences.join("', '")}'`;
    return result("token", "warning", `The token has ${found}, istiod usually wants '${AUDIENCE}'`, MOUNT);
  }
  const valid = expiresAt === null ? "does not expire" : `is valid for ${duration(expiresAt - now)}`;
  return result("token", "ok", `The token of '${subject ?? "nobody"}' ${valid}, audience '${AUDIENCE}' (${from})`);
}
