import type { Fields } from "../fields.ts";

/** TLS towards the endpoints. */
export interface ClientTls {
  readonly mode: "DISABLE" | "SIMPLE" | "MUTUAL" | "ISTIO_MUTUAL";
  readonly sni: string | undefined;
  readonly subjectAltNames: readonly string[];
  /** Paths of files, or with `credentialName` the name of a secret. */
  readonly clientCertificate: string | undefined;
  readonly privateKey: string | undefined;
  readonly caCertificates: string | undefined;
  readonly caCrl: string | undefined;
  /** A sidecar gets its secret only under a rule with a `workloadSelector`. */
  readonly credentialName: string | undefined;
  readonly insecureSkipVerify: boolean;
}

/** Reads `tls`, `undefined` where absent. */
export function parseClientTls(fields: Fields | undefined): ClientTls | undefined {
  if (fields === undefined) return undefined;
  fields.only(
    "mode",
    "sni",
    "subjectAltNames",
    "clientCertificate",
    "privateKey",
    "caCertificates",
    "caCrl",
    "credentialName",
    "insecureSkipVerify",
  );
  const text = (name: string): string | undefined => fields.string(name) || undefined;
  const tls: ClientTls = {
    mode: fields.oneOf("mode", ["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]) ?? "DISABLE",
    sni: text("sni"),
    subjectAltNames: fields.strings("subjectAltNames"),
    clientCertificate: text("clientCertificate"),
    privateKey: text("privateKey"),
    caCertificates: text("caCertificates"),
    caCrl: text("caCrl"),
    credentialName: text("credentialName"),
    insecureSkipVerify: fields.boolean("insecureSkipVerify") ?? false,
  };
  checkFiles(fields, tls);
  return tls;
}

/** The combinations that istiod's validation refuses. */
function checkFiles(fields: Fields, { mode, credentialName }: ClientTls): void {
  const files = ["clientCertificate", "privateKey", "caCertificates", "caCrl"];
  if (mode === "ISTIO_MUTUAL" || credentialName !== undefined) {
    for (const name of files) {
      const other = mode === "ISTIO_MUTUAL" ? "mode 'ISTIO_MUTUAL'" : "'credentialName'";
      if (fields.has(name)) throw fields.error(name, `must not be there beside ${other}`);
    }
  } else if (mode === "MUTUAL") {
    for (const name of ["clientCertificate", "privateKey"]) {
      if (!fields.has(name)) throw fields.error(name, "is required with mode 'MUTUAL', or 'credentialName'");
    }
  }
}
