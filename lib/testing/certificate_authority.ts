// @peculiar/x509 2 asks for the polyfill before it is imported.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { type Clock, systemClock } from "../internal/clock.ts";

const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" } as const;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** istiod dates certificates back by this much, against clock skew. */
const BACKDATE_MS = 2 * MINUTE_MS;

/** Settings of {@linkcode CertificateAuthority.create}. */
export interface CertificateAuthorityOptions {
  /**
   * Put an intermediate between root and leaves, as a plugged-in CA does.
   * @default {false}
   */
  intermediate?: boolean;
  /**
   * Organisation in the subject of the root. Two authorities with the same one have roots of the same name.
   * @default {"cluster.local"}
   */
  organization?: string;
  /** Source of the dates. @default {systemClock} */
  clock?: Clock;
}

/** What a certificate should say. Nothing is checked: tests need bad certificates too. */
export interface IssueOptions {
  /** URI SANs, for example one SPIFFE id. @default {[]} */
  uriSans?: readonly string[];
  /** DNS SANs. @default {[]} */
  dnsSans?: readonly string[];
  /** IP SANs. @default {[]} */
  ipSans?: readonly string[];
  /** Start of validity, milliseconds since the epoch. @default {2 minutes ago} */
  notBefore?: number;
  /** End of validity, milliseconds since the epoch. @default {in 24 hours} */
  notAfter?: number;
  /** Extended key usages. @default {["server", "client"]} */
  usages?: readonly ("server" | "client" | "codeSigning")[];
  /** Subject in RFC 2253 form. @default {""} */
  subject?: string;
}

/** What {@linkcode CertificateAuthority.sign} certifies. */
export interface SignOptions {
  /** The authenticated name. */
  uriSan: string;
  /** Lifetime in milliseconds. */
  ttlMs: number;
  /** Replaces what the leaf would say. @default {{}} */
  override?: IssueOptions;
}

/** A certificate with its private key. */
export interface IssuedCertificate {
  /** Leaf first, then intermediates, PEM. */
  readonly chain: string;
  /** PKCS#8, PEM. */
  readonly key: string;
  /** The root certificate it chains to, PEM. */
  readonly root: string;
}

interface Signer {
  readonly root: x509.X509Certificate;
  /** Intermediates from the leaf's issuer up, without the root. */
  readonly intermediates: readonly x509.X509Certificate[];
  /** Certificate and key that sign leaves. */
  readonly issuer: x509.X509Certificate;
  readonly key: CryptoKey;
}

const USAGES = {
  server: x509.ExtendedKeyUsage.serverAuth,
  client: x509.ExtendedKeyUsage.clientAuth,
  codeSigning: x509.ExtendedKeyUsage.codeSigning,
} as const;

/**
 * A certificate authority like istiod's: P-256, SPIFFE leaves with an empty subject, an optional intermediate, root
 * rotation. Keys stay in memory.
 *
 * @example Issue a workload certificate that expired an hour ago
 * ```ts
 * import { CertificateAuthority } from "@enmesh/enmesh/testing";
 * import assert from "node:assert/strict";
 *
 * const ca = await CertificateAuthority.create();
 * const expired = await ca.issue({
 *   uriSans: ["spiffe://cluster.local/ns/default/sa/sleep"],
 *   notAfter: Date.now() - 3_600_000,
 *   notBefore: Date.now() - 7_200_000,
 * });
 * assert.match(expired.chain, /BEGIN CERTIFICATE/);
 * ```
 */
export class CertificateAuthority {
  readonly #options: Required<CertificateAuthorityOptions>;
  #signer: Signer;
  /** Roots of earlier signers that are still in the bundle. */
  #oldRoots: x509.X509Certificate[] = [];

  private constructor(options: Required<CertificateAuthorityOptions>, signer: Signer) {
    this.#options = options;
    this.#signer = signer;
  }

  /** Makes a root, and an intermediate where one is asked for. */
  static async create(options: CertificateAuthorityOptions = {}): Promise<CertificateAuthority> {
    const { intermediate = false, organization = "cluster.local", clock = systemClock } = options;
    const full = { intermediate, organization, clock };
    return new CertificateAuthority(full, await makeSigner(full));
  }

  /** The trust bundle: the current root, and old ones until {@linkcode CertificateAuthority.retireOldRoots}. PEM. */
  get rootCertificates(): string {
    return [this.#signer.root, ...this.#oldRoots].map((root) => pem(root)).join("");
  }

  /**
   * Makes a new root that signs from now on. The old one stays in the bundle, so that certificates of both verify.
   */
  async rotateRoot(): Promise<void> {
    const old = this.#signer.root;
    this.#signer = await makeSigner(this.#options);
    this.#oldRoots = [old, ...this.#oldRoots];
  }

  /** Takes every root but the current one out of the bundle: what they signed no longer verifies. */
  retireOldRoots(): void {
    this.#oldRoots = [];
  }

  /**
   * Signs a request as `CreateCertificate` does: the key is the request's, the name is the caller's.
   *
   * @param csr The request, PEM.
   * @param options The URI SAN and the lifetime in milliseconds; `override` replaces what the leaf says, for tests of
   * bad certificates.
   * @returns The leaf, each intermediate, and last the root bundle, each PEM.
   * @throws {TypeError} When the request cannot be read or its signature is wrong.
   */
  async sign(csr: string, options: SignOptions): Promise<string[]> {
    const publicKey = await verifiedPublicKey(csr);
    const now = this.#options.clock.now();
    const leaf = await this.#leaf(publicKey, {
      uriSans: [options.uriSan],
      notBefore: now - BACKDATE_MS,
      notAfter: now + options.ttlMs,
      ...options.override,
    });
    return [pem(leaf), ...this.#signer.intermediates.map(pem), this.rootCertificates];
  }

  /** Issues a certificate with a new key: for servers, and for deliberately bad ones. */
  async issue(options: IssueOptions = {}): Promise<IssuedCertificate> {
    const keys = await generateKeys();
    const leaf = await this.#leaf(keys.publicKey, options);
    const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    return {
      chain: [leaf, ...this.#signer.intermediates].map(pem).join(""),
      key: `${x509.PemConverter.encode(pkcs8, "PRIVATE KEY")}\n`,
      root: pem(this.#signer.root),
    };
  }

  async #leaf(publicKey: CryptoKey | x509.PublicKey, options: IssueOptions): Promise<x509.X509Certificate> {
    const now = this.#options.clock.now();
    const names = [
      ...(options.uriSans ?? []).map((value) => ({ type: "url" as const, value })),
      ...(options.dnsSans ?? []).map((value) => ({ type: "dns" as const, value })),
      ...(options.ipSans ?? []).map((value) => ({ type: "ip" as const, value })),
    ];
    const usages = (options.usages ?? ["server", "client"]).map((usage) => USAGES[usage]);
    const subject = options.subject ?? "";
    return await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer: this.#signer.issuer.subject,
      notBefore: new Date(options.notBefore ?? now - BACKDATE_MS),
      notAfter: new Date(options.notAfter ?? now + DAY_MS),
      publicKey,
      signingKey: this.#signer.key,
      signingAlgorithm: SIGNING_ALGORITHM,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
        new x509.ExtendedKeyUsageExtension(usages),
        new x509.BasicConstraintsExtension(false, undefined, true),
        await x509.AuthorityKeyIdentifierExtension.create(this.#signer.issuer.publicKey),
        // RFC 5280 section 4.1.2.6: with an empty subject the SAN is critical.
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names, subject === "")]),
      ],
    });
  }
}

async function makeSigner(options: Required<CertificateAuthorityOptions>): Promise<Signer> {
  const now = options.clock.now();
  const keys = await generateKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `O=${options.organization}`,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + 3650 * DAY_MS),
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: await authorityExtensions(keys.publicKey),
  });
  if (!options.intermediate) return { root, intermediates: [], issuer: root, key: keys.privateKey };
  const intermediateKeys = await generateKeys();
  const intermediate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `O=${options.organization}, CN=intermediate`,
    issuer: root.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + 1825 * DAY_MS),
    publicKey: intermediateKeys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      ...await authorityExtensions(intermediateKeys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { root, intermediates: [intermediate], issuer: intermediate, key: intermediateKeys.privateKey };
}

async function authorityExtensions(publicKey: CryptoKey): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
  ];
}

async function verifiedPublicKey(csr: string): Promise<x509.PublicKey> {
  let request: x509.Pkcs10CertificateRequest;
  let valid: boolean;
  try {
    request = new x509.Pkcs10CertificateRequest(csr);
    valid = await request.verify();
  } catch (cause) {
    throw new TypeError("Cannot sign the certificate request: it is not a PEM encoded PKCS#10 request", { cause });
  }
  if (!valid) throw new TypeError("Cannot sign the certificate request: its signature does not match its key");
  return request.publicKey;
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

/** 16 random bytes, positive (RFC 5280 section 4.1.2.2). */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toHex();
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}
