/** A certificate with its key, as TLS contexts need it. PEM; the key stays in memory. */
export interface TlsCertificate {
  /** Leaf first, then intermediates, PEM. */
  readonly chain: string;
  /** PKCS#8, PEM. */
  readonly key: string;
  /** SPIFFE id of the leaf, `null` where it has none. */
  readonly spiffeId: string | null;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Changes with each issue. */
  readonly version: number;
}

/** A set of trusted roots. */
export interface TrustBundle {
  /** Each root certificate, PEM, sorted, without duplicates. */
  readonly roots: readonly string[];
  /** Changes with each change of the set. */
  readonly version: number;
}

/**
 * Secrets by their SDS name: `default` (our identity), `ROOTCA` (the mesh's roots), and those a configuration names.
 * Defined here, implemented by `identity`: imports point one way.
 */
export interface SecretProvider {
  /** The certificate of that name as it is now; `null` where there is none (yet). */
  certificate(name: string): TlsCertificate | null;
  /** The trust bundle of that name as it is now; `null` where there is none (yet). */
  trustBundle(name: string): TrustBundle | null;
  /** Calls `listener` after any change; returns a function that stops it. */
  subscribe(listener: () => void): () => void;
  /** Secrets that are asked for only once something in use refers to them. @default {none} */
  readonly discovery?: SecretDiscovery | null;
}

/** Asks the control plane for secrets by name. */
export interface SecretDiscovery {
  /** The names in use from now on. New ones are asked for, those not named any more are forgotten. */
  follow(names: ReadonlySet<string>): void;
  /** Settles with the first answer about a name, or when waiting is over; `null` where there is nothing to wait for. */
  firstAnswer(name: string): Promise<void> | null;
}
