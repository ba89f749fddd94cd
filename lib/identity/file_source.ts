import { MeshError } from "../errors.ts";
import type { CertificateSource } from "./certificate_source.ts";

/** Files with a certificate that somebody else renews. */
export interface FileSourceOptions {
  /** Chain, PEM: for example `cert-chain.pem` of a mounted secret. */
  chainPath: string;
  /** Private key, PEM. */
  keyPath: string;
  /** Roots, PEM. */
  rootPath: string;
  /** Milliseconds between two looks at the files. @default {30_000} */
  pollMs?: number;
  /** Reads files. @default {Deno.readTextFile} */
  readTextFile?: (path: string) => Promise<string>;
}

/** A certificate mounted into the file system (`FILE_MOUNTED_CERTS`, workload-spiffe-credentials). */
export function createFileSource(options: FileSourceOptions): CertificateSource {
  const { chainPath, keyPath, rootPath, pollMs = 30_000, readTextFile = Deno.readTextFile } = options;
  const read = async (path: string): Promise<string> => {
    try {
      return await readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) {
        throw new MeshError(
          "PERMISSION_MISSING",
          `Cannot read '${path}': no permission, run with --allow-read=${path}`,
          {
            cause: error,
          },
        );
      }
      // A volume may be mounted after the program starts, and files are missing for a moment while they are replaced.
      throw new MeshError(
        "CONTROL_PLANE_UNAVAILABLE",
        `Cannot read '${path}': ${(error as Error).message}; check that the certificate is mounted there`,
        { cause: error },
      );
    }
  };
  return {
    description: `files '${chainPath}', '${keyPath}', '${rootPath}'`,
    pollMs,
    async fetch() {
      const [chain, key, root] = await Promise.all([read(chainPath), read(keyPath), read(rootPath)]);
      return { chain, key, roots: [root] };
    },
    close: () => Promise.resolve(),
  };
}
