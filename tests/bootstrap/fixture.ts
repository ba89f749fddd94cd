import { MeshError, type MeshErrorCode, type Problem } from "../../lib/errors.ts";
import { type Bootstrap, loadBootstrap } from "../../lib/bootstrap/bootstrap.ts";
import { recordEnvironment } from "../../lib/bootstrap/environment.ts";
import { type FileResult, recordFiles } from "../../lib/bootstrap/file_source.ts";
import type { JoinOptions } from "../../lib/bootstrap/join_options.ts";
import { CertificateAuthority } from "../../lib/testing/certificate_authority.ts";

/** A root certificate, PEM. */
export const ROOT = (await CertificateAuthority.create({})).rootCertificates;

/** Files of a pod that can join. */
export const POD: Readonly<Record<string, string>> = {
  "/var/run/secrets/tokens/istio-token": "token\n",
  "/var/run/secrets/istio/root-cert.pem": ROOT,
  "/var/run/secrets/kubernetes.io/serviceaccount/namespace": "shop",
};

/** What a case reads from. */
export interface Case {
  readonly options?: JoinOptions;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** Paths that may not be read. */
  readonly denied?: readonly string[];
}

/** Loads a bootstrap in a pod named `cart-1`, with what the case adds. */
export function load({ options = {}, env = {}, files = {}, denied = [] }: Case = {}): Promise<Bootstrap> {
  const source = recordFiles({ ...POD, ...files });
  return loadBootstrap(options, {
    env: recordEnvironment({ HOSTNAME: "cart-1", ...env }),
    files: {
      read: (path): Promise<FileResult> =>
        denied.includes(path) ? Promise.resolve({ kind: "denied" }) : source.read(path),
    },
  });
}

/** The problems of a case that must not load. */
export async function problemsOf(of: Case, code: MeshErrorCode = "CONFIG_INVALID"): Promise<readonly Problem[]> {
  try {
    await load(of);
  } catch (error) {
    if (error instanceof MeshError && error.code === code) return error.problems;
    throw error;
  }
  throw new Error("It loaded");
}
