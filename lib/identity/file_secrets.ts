import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import { parseCertificate } from "../transport/certificate.ts";
import { pemBlocks } from "../transport/pem.ts";
import type { TlsCertificate, TrustBundle } from "../transport/secret_provider.ts";
import { readRoots } from "./trust_store.ts";

/** How long a file's content is used before it is looked at again. */
const FRESH_MS = 10_000;

interface Entry<T> {
  readAt: number;
  text: string | null;
  value: T | null;
}

/**
 * Certificates and roots that a configuration names by path, under Istio's SDS names: `file-cert:CHAIN~KEY` and
 * `file-root:PATH`. Files are read when they are asked for, and again after ten seconds; while a file cannot be read
 * what it held before is used.
 */
export class FileSecrets {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #readTextFile: (path: string) => string;
  readonly #certificates = new Map<string, Entry<TlsCertificate>>();
  readonly #bundles = new Map<string, Entry<TrustBundle>>();
  #version = 0;

  /** @param clock Decides what is fresh. @param logger Told about files that cannot be used. @param readTextFile Reads files. */
  constructor(clock: Clock, logger: Logger, readTextFile: (path: string) => string = Deno.readTextFileSync) {
    this.#clock = clock;
    this.#logger = logger;
    this.#readTextFile = readTextFile;
  }

  /** The certificate of that name; `null` when the name is of another form or the files were never readable. */
  certificate(name: string): TlsCertificate | null {
    const match = /^file-cert:([^~]+)~([^~]+)$/.exec(name);
    if (match === null) return null;
    const [, chainPath, keyPath] = match as unknown as [string, string, string];
    return this.#read(this.#certificates, name, [chainPath, keyPath], ([chain = "", key = ""]) => {
      const leaf = pemBlocks(chain).find(({ label }) => label === "CERTIFICATE");
      if (leaf === undefined) throw new TypeError("The chain holds no certificate");
      const { notBefore, notAfter, uriSans } = parseCertificate(leaf.der);
      const spiffeId = uriSans.find((uri) => uri.startsWith("spiffe://")) ?? null;
      return { chain, key, spiffeId, notBefore, notAfter, version: ++this.#version };
    });
  }

  /** The roots of that name; `null` when the name is of another form or the file was never readable. */
  trustBundle(name: string): TrustBundle | null {
    if (!name.startsWith("file-root:")) return null;
    return this.#read(this.#bundles, name, [name.slice("file-root:".length)], (texts) => {
      const { roots, problems } = readRoots(texts);
      if (roots.length === 0) throw new TypeError(problems[0] ?? "It holds no certificate");
      return { roots: [...new Set(roots)].sort(), version: ++this.#version };
    });
  }

  #read<T>(
    entries: Map<string, Entry<T>>,
    name: string,
    paths: readonly string[],
    parse: (texts: string[]) => T,
  ): T | null {
    const now = this.#clock.monotonic();
    let entry = entries.get(name);
    if (entry !== undefined && now - entry.readAt < FRESH_MS) return entry.value;
    if (entry === undefined) entries.set(name, entry = { readAt: now, text: null, value: null });
    entry.readAt = now;
    try {
      const texts = paths.map((path) => this.#readTextFile(path));
      const text = texts.join("\0");
      // The same content keeps its object, by which TLS contexts are cached.
      if (text !== entry.text) {
        entry.value = parse(texts);
        entry.text = text;
      }
    } catch (error) {
      this.#logger.log("warning", `Cannot use '${name}': ${(error as Error).message}`);
    }
    return entry.value;
  }
}
