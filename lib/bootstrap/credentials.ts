import { parseCertificate } from "../transport/certificate.ts";
import { pemBlocks } from "../transport/pem.ts";
import type { FileSource } from "./file_source.ts";
import type { Gathered } from "./gather.ts";
import { POD_FILES } from "./in_pod.ts";
import type { JoinOptions, RootCertificatesOption, TokenOption } from "./join_options.ts";
import type { Settings } from "./settings.ts";
import { readBoolean } from "./values.ts";
import { INSTALLED_VM_FILES } from "./vm.ts";

/** Where roots for the control plane come from. A file is read again by whoever watches it; `pem` is what it says now. */
export type RootSource =
  | { readonly kind: "system" }
  | { readonly kind: "pem"; readonly pem: string }
  | { readonly kind: "file"; readonly path: string; readonly pem: string };

/** A certificate somebody else puts into files. */
export interface CertificateFiles {
  readonly chainPath: string;
  readonly keyPath: string;
  readonly rootPath: string;
  /** `identity`: it is our certificate in the mesh. `authentication`: it proves us to the CA, as a token would. */
  readonly use: "identity" | "authentication";
}

/** What the readers of this file work with. */
export interface CredentialContext {
  readonly options: JoinOptions;
  readonly gathered: Gathered;
  readonly settings: Settings;
  readonly files: FileSource;
}

const WORKLOAD_CREDENTIALS = "/var/run/secrets/workload-spiffe-credentials";
const PEM_HINT = "It must hold CERTIFICATE blocks in PEM: in a pod mount the ConfigMap 'istio-ca-root-cert'";

/** What is wrong with a PEM text of roots; `null` when nothing is. */
export function checkRoots(pem: string): string | null {
  const certificates = pemBlocks(pem).filter(({ label }) => label === "CERTIFICATE");
  if (certificates.length === 0) return "Cannot use it as root certificate: it holds no certificate in PEM";
  try {
    for (const { der } of certificates) parseCertificate(der);
    return null;
  } catch (error) {
    return `Cannot use it as root certificate: ${(error as Error).message}`;
  }
}

/**
 * The roots istiod's certificate must be signed by: the option, then the variable (a path, or `SYSTEM`), then the first
 * file that exists of those Istio's agent looks for.
 *
 * @param variable `XDS_ROOT_CA` or `CA_ROOT_CA`.
 */
export async function resolveRoots(context: CredentialContext, variable: string): Promise<RootSource | null> {
  const { options, gathered, settings } = context;
  const option: RootCertificatesOption | undefined = options.rootCertificates;
  if (typeof option === "string" && option !== "SYSTEM" || Array.isArray(option)) {
    const pem = typeof option === "string" ? option : option.join("\n");
    const problem = checkRoots(pem);
    if (problem === null) return { kind: "pem", pem };
    settings.report("option 'rootCertificates'", problem, PEM_HINT);
    return null;
  }
  const file = typeof option === "object" ? (option as { file: string }).file : undefined;
  const named = file ?? (option === "SYSTEM" ? option : gathered.env.get(variable));
  if (named === "SYSTEM") return { kind: "system" };
  if (named !== undefined && named !== "") {
    const origin = option !== undefined
      ? `file '${named}' (option 'rootCertificates')`
      : `file '${named}' (${variable})`;
    return await readRoots(context, [named], origin);
  }
  const provided = gathered.env.get("PROV_CERT");
  const candidates = gathered.inFolder ? [gathered.vmFiles.root] : [
    ...(provided ? [`${provided}/root-cert.pem`] : []),
    INSTALLED_VM_FILES.root,
    POD_FILES.root,
  ];
  return await readRoots(context, candidates, null);
}

async function readRoots(
  { files, settings }: CredentialContext,
  paths: readonly string[],
  origin: string | null,
): Promise<RootSource | null> {
  const denied: string[] = [];
  for (const path of paths) {
    const result = await files.read(path);
    if (result.kind === "denied") denied.push(path);
    if (result.kind === "failed") {
      settings.report(origin ?? `file '${path}'`, `Cannot read the root certificate: ${result.message}`);
      return null;
    }
    if (result.kind !== "text") continue;
    const problem = checkRoots(result.text);
    if (problem === null) return { kind: "file", path, pem: result.text };
    settings.report(origin ?? `file '${path}'`, problem, PEM_HINT);
    return null;
  }
  if (denied.length > 0) {
    settings.deny(
      origin ?? "root certificate",
      `Cannot read the root certificate: no permission to read '${denied.join("', '")}'`,
      `--allow-read=${denied.join(",")}`,
    );
    return null;
  }
  settings.report(
    origin ?? "root certificate",
    `Cannot find the root certificate: looked for '${paths.join("', '")}'`,
    "Mount the ConfigMap 'istio-ca-root-cert', or set option 'rootCertificates'",
  );
  return null;
}

/** Certificates in files, as `FILE_MOUNTED_CERTS`, `PROV_CERT` or a SPIFFE CSI driver provide them; `null` for none. */
export async function resolveCertificateFiles(context: CredentialContext): Promise<CertificateFiles | null> {
  const { gathered: { env }, settings, files } = context;
  const inFolder = (folder: string, names: readonly [string, string, string], use: CertificateFiles["use"]) => ({
    chainPath: `${folder}/${names[0]}`,
    keyPath: `${folder}/${names[1]}`,
    rootPath: `${folder}/${names[2]}`,
    use,
  });
  const mounted = settings.choose("file mounted certificates", [
    { value: env.get("FILE_MOUNTED_CERTS"), origin: "variable 'FILE_MOUNTED_CERTS'" },
  ], readBoolean);
  if (mounted) {
    const paths = inFolder("/etc/certs", ["cert-chain.pem", "key.pem", "root-cert.pem"], "identity");
    return {
      ...paths,
      chainPath: env.get("ISTIO_META_TLS_SERVER_CERT_CHAIN") ?? paths.chainPath,
      keyPath: env.get("ISTIO_META_TLS_SERVER_KEY") ?? paths.keyPath,
      rootPath: env.get("ISTIO_META_TLS_SERVER_ROOT_CERT") ?? paths.rootPath,
    };
  }
  const spiffe = inFolder(WORKLOAD_CREDENTIALS, ["cert-chain.pem", "key.pem", "root-cert.pem"], "identity");
  if ((await files.read(spiffe.chainPath)).kind === "text") return spiffe;
  const provided = env.get("PROV_CERT");
  if (provided) {
    const paths = inFolder(provided, ["cert-chain.pem", "key.pem", "root-cert.pem"], "authentication");
    if ((await files.read(paths.chainPath)).kind === "text") return paths;
  }
  return null;
}

/**
 * The token: the option, else the token file. A missing one is a problem unless something else proves who we are.
 *
 * @param needed Whether anybody will ask for it: not on plaintext, not with certificates from files.
 */
export async function resolveToken(context: CredentialContext, needed: boolean): Promise<TokenOption | null> {
  const { options: { token }, gathered, settings, files } = context;
  if (typeof token === "function") return token;
  if (typeof token === "string") {
    if (token.trim() !== "") return token;
    settings.report("option 'token'", "Cannot use it as token: it is empty", "Set a token, a file or a function");
    return null;
  }
  const path = token?.file ?? gathered.vmFiles.token;
  if (token === undefined && gathered.env.get("JWT_POLICY") === "none") return null;
  const result = await files.read(path);
  if (result.kind === "text" && result.text.trim() !== "") return { file: path };
  if (token === undefined && !needed) return null;
  const hint = "Mount a projected service account token with audience 'istio-ca' there, or set option 'token'";
  switch (result.kind) {
    case "text":
      settings.report(`file '${path}'`, "Cannot use it as token: it is empty", hint);
      break;
    case "missing":
      settings.report(`file '${path}'`, "Cannot find the token", hint);
      break;
    case "denied":
      settings.deny(`file '${path}'`, "Cannot read the token: no permission", `--allow-read=${path}`);
      break;
    case "failed":
      settings.report(`file '${path}'`, `Cannot read the token: ${result.message}`, hint);
  }
  return null;
}
