/**
 * A small certificate authority for tests: issues right certificates, and wrong ones on request.
 *
 * @module
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { TlsCertificate, TrustBundle } from "../../lib/transport/secret_provider.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const HOUR = 3_600_000;

/** What a certificate says; everything has the value a mesh CA would give it. */
export interface IssueOptions {
  /** URI SANs. @default {["spiffe://cluster.local/ns/default/sa/sleep"]} */
  uris?: readonly string[];
  /** DNS SANs. @default {[]} */
  dns?: readonly string[];
  /** IP SANs. @default {[]} */
  ips?: readonly string[];
  /** Extended key usage by short name; `null` leaves the extension out. @default {["serverAuth", "clientAuth"]} */
  usages?: readonly ("serverAuth" | "clientAuth" | "codeSigning")[] | null;
  /** Key usage bits; `null` leaves the extension out. @default {digitalSignature} */
  keyUsage?: number | null;
  /** @default {two minutes ago} */
  notBefore?: number;
  /** @default {in one hour} */
  notAfter?: number;
  /** Whether the certificate says it is a CA itself. @default {false} */
  ca?: boolean;
  /** Subject name, RFC 2253. @default {""} */
  subject?: string;
  /** Sign this public key (of a CSR) instead of a fresh one; the result then has no key. */
  publicKey?: CryptoKey;
}

const USAGE_OIDS = { serverAuth: SERVER_AUTH, clientAuth: CLIENT_AUTH, codeSigning: "1.3.6.1.5.5.7.3.3" } as const;
let versions = 0;
let serials = 1;

/** A root or intermediate CA. */
export class TestCa {
  readonly #certificate: x509.X509Certificate;
  readonly #keys: CryptoKeyPair;
  readonly #parent: TestCa | null;

  private constructor(certificate: x509.X509Certificate, keys: CryptoKeyPair, parent: TestCa | null) {
    this.#certificate = certificate;
    this.#keys = keys;
    this.#parent = parent;
  }

  /** A self-signed root. Two with the same subject are different CAs of one name. */
  static async create(subject = "O=cluster.local"): Promise<TestCa> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: subject,
      keys,
      signingAlgorithm: ALGORITHM,
      serialNumber: serial(),
      notBefore: new Date(Date.now() - HOUR),
      notAfter: new Date(Date.now() + 24 * HOUR),
      extensions: caExtensions(),
    });
    return new TestCa(certificate, keys, null);
  }

  /** A certificate used as a CA, whether it may be one or not. Its own chain is not part of what it issues. */
  static async below(issuer: TlsCertificate): Promise<TestCa> {
    const certificate = new x509.X509Certificate(issuer.chain.slice(0, issuer.chain.indexOf("-----END") + 25));
    const pkcs8 = x509.PemConverter.decodeFirst(issuer.key);
    const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, true, ["sign"]);
    const publicKey = await certificate.publicKey.export(ALGORITHM, ["verify"]);
    return new TestCa(certificate, { privateKey, publicKey }, null);
  }

  /** A CA below this one. */
  async intermediate(subject = "O=cluster.local,CN=intermediate", pathLength?: number): Promise<TestCa> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject,
      issuer: this.#certificate.subjectName,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      serialNumber: serial(),
      notBefore: new Date(Date.now() - HOUR),
      notAfter: new Date(Date.now() + 12 * HOUR),
      extensions: caExtensions(pathLength),
    });
    return new TestCa(certificate, keys, this);
  }

  /** This CA's own certificate, PEM. */
  get pem(): string {
    return this.#certificate.toString("pem") + "\n";
  }

  /** The root above this CA, PEM. */
  get root(): string {
    return this.#parent === null ? this.pem : this.#parent.root;
  }

  /** A trust bundle with this CA's root (and others). */
  bundle(...others: TestCa[]): TrustBundle {
    return { roots: [this, ...others].map((ca) => ca.root).sort(), version: ++versions };
  }

  /** Issues a leaf certificate; the chain holds the intermediates, never the root. */
  async issue(options: IssueOptions = {}): Promise<TlsCertificate> {
    const uris = options.uris ?? ["spiffe://cluster.local/ns/default/sa/sleep"];
    const names = [
      ...uris.map((value) => ({ type: "url" as const, value })),
      ...(options.dns ?? []).map((value) => ({ type: "dns" as const, value })),
      ...(options.ips ?? []).map((value) => ({ type: "ip" as const, value })),
    ];
    const usages = options.usages === undefined ? ["serverAuth", "clientAuth"] as const : options.usages;
    const keyUsage = options.keyUsage === undefined ? x509.KeyUsageFlags.digitalSignature : options.keyUsage;
    const notBefore = options.notBefore ?? Date.now() - 120_000;
    const notAfter = options.notAfter ?? Date.now() + HOUR;
    const keys = options.publicKey === undefined ? await generateKeys() : null;
    const extensions: x509.Extension[] = [new x509.BasicConstraintsExtension(options.ca ?? false, undefined, true)];
    if (keyUsage !== null) extensions.push(new x509.KeyUsagesExtension(keyUsage, true));
    if (usages !== null) extensions.push(new x509.ExtendedKeyUsageExtension(usages.map((name) => USAGE_OIDS[name])));
    if (names.length > 0) {
      extensions.push(new x509.SubjectAlternativeNameExtension(names, options.subject === undefined));
    }
    const certificate = await x509.X509CertificateGenerator.create({
      subject: options.subject ?? "",
      issuer: this.#certificate.subjectName,
      publicKey: options.publicKey ?? keys!.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      serialNumber: serial(),
      notBefore: new Date(notBefore),
      notAfter: new Date(notAfter),
      extensions,
    });
    let chain = certificate.toString("pem") + "\n";
    for (let ca: TestCa | null = this as TestCa; ca !== null && ca.#parent !== null; ca = ca.#parent) chain += ca.pem;
    return {
      chain,
      key: keys === null ? "" : await exportKey(keys.privateKey),
      spiffeId: uris.find((uri) => uri.startsWith("spiffe://")) ?? null,
      notBefore: Math.floor(notBefore / 1000) * 1000,
      notAfter: Math.floor(notAfter / 1000) * 1000,
      version: ++versions,
    };
  }
}

function caExtensions(pathLength?: number): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  ];
}

function serial(): string {
  return (0x1000 + serials++).toString(16).padStart(8, "0");
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY") + "\n";
}
