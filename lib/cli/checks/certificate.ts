import type { Bootstrap } from "../../bootstrap/bootstrap.ts";
import type { IssuedSecret } from "../../identity/certificate_source.ts";
import { checkSecret } from "../../identity/check_secret.ts";
import { certificateSource, type CredentialOptions, spiffeIdOf } from "../../mesh_credentials.ts";
import { type CertificateFacts, parseCertificate } from "../../transport/certificate.ts";
import { pemBlocks } from "../../transport/pem.ts";
import { type CheckResult, result } from "../check.ts";
import { withDeadline } from "../deadline.ts";
import { duration } from "../duration.ts";
import { failures } from "../failure.ts";

/** Gets a certificate as joining does, and looks at it as peers will. */
export async function checkCertificate(
  bootstrap: Bootstrap,
  options: CredentialOptions,
  timeoutMs: number,
): Promise<{ leaf: CertificateFacts | null; results: readonly CheckResult[] }> {
  const now = options.clock.now();
  try {
    const source = certificateSource(bootstrap, options);
    try {
      const secret = await withDeadline(options.clock, timeoutMs, (signal) => source.fetch(signal));
      return { leaf: leafOf(secret), results: [judge(secret, bootstrap, source.description, now)] };
    } finally {
      await source.close();
    }
  } catch (error) {
    return { leaf: null, results: failures("certificate", error) };
  }
}

function judge(secret: IssuedSecret, bootstrap: Bootstrap, from: string, now: number): CheckResult {
  const checked = checkSecret(secret, now);
  if (!checked.ok) {
    return result(
      "certificate",
      "failed",
      `The certificate of ${from} cannot be used: ${checked.reason}`,
      checked.clock ? `Check the clock of this machine, it shows '${new Date(now).toISOString()}'` : null,
    );
  }
  const wanted = spiffeIdOf(bootstrap);
  if (checked.spiffeId !== wanted) {
    return result(
      "certificate",
      "failed",
      `The certificate of ${from} is for '${checked.spiffeId ?? "nobody"}', the settings say '${wanted}'`,
      "Check POD_NAMESPACE, SERVICE_ACCOUNT and TRUST_DOMAIN: they must be those of the token",
    );
  }
  return result("certificate", "ok", `'${checked.spiffeId}' of ${from}, valid for ${duration(checked.notAfter - now)}`);
}

function leafOf({ chain }: IssuedSecret): CertificateFacts | null {
  const block = pemBlocks(chain).find(({ label }) => label === "CERTIFICATE");
  try {
    return block === undefined ? null : parseCertificate(block.der);
  } catch {
    return null;
  }
}
