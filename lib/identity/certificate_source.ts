/** A certificate with its key and the roots that came with it, not yet checked. */
export interface IssuedSecret {
  /** Leaf first, then intermediates, PEM. */
  readonly chain: string;
  /** PKCS#8 (or SEC 1), PEM. */
  readonly key: string;
  /** PEM texts with the roots of the mesh. */
  readonly roots: readonly string[];
}

/** Where our certificate comes from. */
export interface CertificateSource {
  /** For messages. */
  readonly description: string;
  /** Look again after that many milliseconds, even if the certificate is not due; `null` for only when due. */
  readonly pollMs: number | null;
  /**
   * Gets a certificate.
   *
   * @throws {MeshError} Permanent for the codes `IDENTITY_REJECTED`, `CONFIG_INVALID`, `PERMISSION_MISSING`; otherwise
   * another try may succeed.
   */
  fetch(signal: AbortSignal): Promise<IssuedSecret>;
  /** Ends connections. */
  close(): Promise<void>;
}
