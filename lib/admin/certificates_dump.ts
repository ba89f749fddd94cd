import type { CertificateView } from "./admin_view.ts";

const DAY_MS = 86_400_000;

/**
 * The answer of `/certs` (`envoy.admin.v3.Certificates`): one entry for each identity, with the roots it is checked by.
 *
 * @param certificates Identities and roots.
 * @param now Milliseconds since the epoch.
 */
export function certificatesDump(certificates: readonly CertificateView[], now: number): object {
  const roots = certificates.filter(({ kind }) => kind === "root").map((root) => details(root, now));
  const identities = certificates.filter(({ kind }) => kind === "identity");
  const entries = identities.map((identity) => ({ ca_cert: roots, cert_chain: [details(identity, now)] }));
  return { certificates: entries.length === 0 && roots.length > 0 ? [{ ca_cert: roots, cert_chain: [] }] : entries };
}

function details(certificate: CertificateView, now: number): object {
  return {
    path: "<inline>",
    serial_number: certificate.serialNumber,
    subject_alt_names: [
      ...certificate.uriSans.map((uri) => ({ uri })),
      ...certificate.dnsSans.map((dns) => ({ dns })),
    ],
    days_until_expiration: String(Math.max(0, Math.floor((certificate.notAfter - now) / DAY_MS))),
    valid_from: isoSeconds(certificate.notBefore),
    expiration_time: isoSeconds(certificate.notAfter),
  };
}

function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.000Z$/, "Z");
}
