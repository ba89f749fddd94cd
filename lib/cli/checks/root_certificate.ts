import type { Bootstrap } from "../../bootstrap/bootstrap.ts";
import type { RootSource } from "../../bootstrap/credentials.ts";
import { type CertificateFacts, parseCertificate } from "../../transport/certificate.ts";
import { pemBlocks } from "../../transport/pem.ts";
import { type CheckResult, result } from "../check.ts";
import { duration } from "../duration.ts";

/** Looks at the roots by which istiod is verified: at least one must be in its time. */
export function checkRootCertificate({ roots }: Bootstrap, now: number): CheckResult {
  const source = roots.discovery ?? roots.ca;
  if (source === null) {
    return result(
      "root certificate",
      "skipped",
      "No root certificate is used: the control plane is spoken to in plaintext",
    );
  }
  if (source.kind === "system") {
    return result("root certificate", "ok", "istiod is verified by the roots of the system");
  }
  const certificates = readRoots(source);
  const from = source.kind === "file" ? `file '${source.path}'` : "option 'rootCertificates'";
  const valid = certificates.filter(({ notBefore, notAfter }) => notBefore <= now && now < notAfter);
  const [best] = [...valid].sort((a, b) => b.notAfter - a.notAfter);
  if (best !== undefined) {
    const names = certificates.map(({ subjectText }) => subjectText || "no subject").join("', '");
    return result(
      "root certificate",
      "ok",
      `${certificates.length} in ${from} ('${names}'), valid for ${duration(best.notAfter - now)}`,
    );
  }
  const early = certificates.some(({ notBefore }) => notBefore > now);
  const time = new Date(early ? certificates[0]!.notBefore : certificates[0]!.notAfter).toISOString();
  return result(
    "root certificate",
    "failed",
    early ? `The root in ${from} is valid only from '${time}'` : `The root in ${from} expired at '${time}'`,
    early ? "Check the clock of this machine" : "Mount the mesh's present root (ConfigMap 'istio-ca-root-cert')",
  );
}

/** The certificates of a source; `loadBootstrap` has made sure that they can be read. */
export function readRoots(source: RootSource): CertificateFacts[] {
  if (source.kind === "system") return [];
  return pemBlocks(source.pem).filter(({ label }) => label === "CERTIFICATE").map(({ der }) => parseCertificate(der));
}
