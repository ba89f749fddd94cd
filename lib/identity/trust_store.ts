import { parseCertificate } from "../transport/certificate.ts";
import { formatPem, pemBlocks } from "../transport/pem.ts";
import type { TrustBundle } from "../transport/secret_provider.ts";

/** Root certificates read from PEM, and what could not be read. */
export interface ReadRoots {
  /** One PEM text each. */
  readonly roots: readonly string[];
  /** One sentence for each thing that is wrong. */
  readonly problems: readonly string[];
}

/** Reads root certificates from PEM texts. Garbage is reported and vouches for nobody. */
export function readRoots(texts: readonly string[]): ReadRoots {
  const roots: string[] = [];
  const problems: string[] = [];
  for (const text of texts) {
    const blocks = pemBlocks(text);
    const begins = text.split("-----BEGIN ").length - 1;
    if (begins === 0) problems.push("it holds no PEM block");
    else if (blocks.length < begins) problems.push(`'${begins - blocks.length}' PEM block(s) cannot be decoded`);
    for (const { label, der } of blocks) {
      if (label !== "CERTIFICATE") {
        problems.push(`it holds a PEM block '${label}', expected 'CERTIFICATE'`);
        continue;
      }
      try {
        parseCertificate(der);
        roots.push(formatPem("CERTIFICATE", der));
      } catch (error) {
        problems.push((error as Error).message);
      }
    }
  }
  return { roots, problems };
}

/**
 * The mesh's roots: the union over sources (the newest reply of the CA, files, the discovery service), never over time.
 * A source that is set again replaces what it said before, so a root that is gone from all of them is refused.
 */
export class TrustStore {
  readonly #sources = new Map<string, readonly string[]>();
  #bundle: TrustBundle | null = null;
  #version = 0;

  /** The union as it is now, sorted and without duplicates; `null` while there is no root. */
  get bundle(): TrustBundle | null {
    return this.#bundle;
  }

  /**
   * Replaces what a source says. Where nothing in it can be read the source keeps what it said before: a garbled file
   * must not cut the mesh in two.
   *
   * @param source For example `ca`, `file`, `discovery`.
   * @param texts PEM texts; empty takes the source out.
   * @returns Whether the union changed, and what could not be read.
   */
  set(source: string, texts: readonly string[]): { changed: boolean; problems: readonly string[] } {
    const { roots, problems } = readRoots(texts);
    if (texts.length === 0) this.#sources.delete(source);
    else if (roots.length > 0) this.#sources.set(source, roots);
    const union = [...new Set([...this.#sources.values()].flat())].sort();
    const before = this.#bundle?.roots ?? [];
    const changed = union.length !== before.length || union.some((root, i) => root !== before[i]);
    if (changed) this.#bundle = union.length === 0 ? null : { roots: union, version: ++this.#version };
    return { changed, problems };
  }
}
