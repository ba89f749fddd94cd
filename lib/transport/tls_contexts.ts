import { createSecureContext, type SecureContext } from "node:tls";
import type { TlsVersion } from "./tls_options.ts";
import type { TlsCertificate, TrustBundle } from "./secret_provider.ts";

const NOTHING: object = {};

/**
 * Secure contexts by certificate, trust bundle and versions. They live exactly as long as the secrets they were made
 * of: a rotated certificate takes its contexts with it.
 */
export class TlsContexts {
  readonly #contexts = new WeakMap<object, WeakMap<object, Map<string, SecureContext>>>();

  /**
   * The context for these secrets.
   *
   * @param certificate Ours; `null` shows none.
   * @param trust Roots; `null` leaves the runtime's.
   * @param minVersion `null` for TLS 1.2.
   * @param maxVersion `null` for TLS 1.3.
   */
  get(
    certificate: TlsCertificate | null,
    trust: TrustBundle | null,
    minVersion: TlsVersion | null = null,
    maxVersion: TlsVersion | null = null,
  ): SecureContext {
    let byTrust = this.#contexts.get(certificate ?? NOTHING);
    if (byTrust === undefined) this.#contexts.set(certificate ?? NOTHING, byTrust = new WeakMap());
    let byVersion = byTrust.get(trust ?? NOTHING);
    if (byVersion === undefined) byTrust.set(trust ?? NOTHING, byVersion = new Map());
    const key = `${minVersion} ${maxVersion}`;
    let context = byVersion.get(key);
    if (context === undefined) {
      context = createSecureContext({
        ...(certificate === null ? {} : { cert: certificate.chain, key: certificate.key }),
        ...(trust === null ? {} : { ca: [...trust.roots] }),
        minVersion: minVersion ?? "TLSv1.2",
        maxVersion: maxVersion ?? "TLSv1.3",
      });
      byVersion.set(key, context);
    }
    return context;
  }
}
