/**
 * Decides who is at the other end. The runtime's TLS has proved that the peer holds the key of its leaf certificate;
 * everything else is checked here as well, because a client of the runtime trusts the public roots next to ours, a
 * server of it only reports a bad chain, and neither says why.
 *
 * @module
 */
import { createHash, X509Certificate } from "node:crypto";
import type { PeerIdentity } from "./byte_stream.ts";
import { type CertificateFacts, ExtendedKeyUsage, KeyUsage, parseCertificate } from "./certificate.ts";
import { pemBlocks } from "./pem.ts";
import type { TrustBundle } from "./secret_provider.ts";

/** What the peer's certificate is used for: a `client` has called us, a `server` was called. */
export type PeerRole = "client" | "server";

/** Why a peer was refused, as a closed set for metrics. */
export type PeerFailure =
  | "no_certificate"
  | "malformed"
  | "untrusted"
  | "expired"
  | "not_yet_valid"
  | "wrong_usage"
  | "wrong_identity"
  | "unverifiable";

/** Why a peer is refused. `reason` is a clause for messages, without a period. */
export interface Refusal {
  readonly ok: false;
  readonly failure: PeerFailure;
  readonly reason: string;
}

/** A verified peer, or why it is refused. */
export type Verification = { readonly ok: true; readonly peer: PeerIdentity } | Refusal;

/** Accepts a verified peer with `null`, or says why it is not the expected one. */
export type PeerRule = (peer: PeerIdentity) => string | null;

/** What a chain is checked against. */
export interface ChainPolicy {
  readonly trust: TrustBundle;
  readonly role: PeerRole;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Longer chains are refused: Istio's have one intermediate, rarely two. */
const MAX_CHAIN = 10;
/** Bounds the work a peer can cause with many CAs of one name. */
const MAX_SIGNATURES = 24;
/** Leaves remembered for one trust bundle; the oldest goes first. */
const MAX_REMEMBERED = 4096;

interface GoodChain {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly peer: PeerIdentity;
}

/**
 * Verifies chains and remembers good ones by leaf, trust bundle and role, so that a second connection of the same peer
 * costs a hash. Validity in time is checked each time; failures are not remembered.
 */
export class PeerVerifier {
  readonly #known = new WeakMap<TrustBundle, Map<string, GoodChain>>();
  readonly #roots = new WeakMap<TrustBundle, readonly CertificateFacts[]>();

  /**
   * Checks a chain as sent, leaf first, DER. Fails closed: whatever cannot be understood is refused.
   *
   * @param chain What the peer sent.
   * @param policy Roots, role and time.
   * @param rule Whether this verified peer is the expected one.
   */
  verify(chain: readonly Uint8Array[], policy: ChainPolicy, rule: PeerRule): Verification {
    const leaf = chain[0];
    if (leaf === undefined) return refuse("no_certificate", "it sent no certificate");
    const sha256 = createHash("sha256").update(leaf).digest("hex");
    const key = `${policy.role} ${sha256}`;
    let known = this.#known.get(policy.trust);
    if (known === undefined) this.#known.set(policy.trust, known = new Map());
    const remembered = known.get(key);
    if (remembered !== undefined && remembered.notBefore <= policy.now && policy.now < remembered.notAfter) {
      return applyRule(remembered.peer, rule);
    }
    const found = verifyChain(chain, this.#rootsOf(policy.trust), policy.role, policy.now);
    if (!found.ok) return found;
    const peer = identityOf(found.path[0]!, chain, sha256);
    known.delete(key);
    known.set(key, {
      notBefore: Math.max(...found.path.map((one) => one.notBefore)),
      notAfter: Math.min(...found.path.map((one) => one.notAfter)),
      peer,
    });
    if (known.size > MAX_REMEMBERED) known.delete(known.keys().next().value!);
    return applyRule(peer, rule);
  }

  /**
   * Describes a peer whose chain somebody else has verified (the runtime, against the public roots), applying the rules
   * that do not need the roots.
   */
  describe(chain: readonly Uint8Array[], role: PeerRole, rule: PeerRule): Verification {
    const leaf = chain[0];
    if (leaf === undefined) return refuse("no_certificate", "it sent no certificate");
    try {
      const facts = parseCertificate(leaf);
      const sha256 = createHash("sha256").update(leaf).digest("hex");
      return checkLeaf(facts, role) ?? applyRule(identityOf(facts, chain, sha256), rule);
    } catch (error) {
      return refuse("malformed", `its certificate is malformed (${(error as Error).message})`);
    }
  }

  #rootsOf(trust: TrustBundle): readonly CertificateFacts[] {
    let roots = this.#roots.get(trust);
    if (roots === undefined) this.#roots.set(trust, roots = parseRoots(trust.roots));
    return roots;
  }
}

/** Every certificate of the PEM texts that can be read; what cannot be read can vouch for nobody. */
export function parseRoots(pems: readonly string[]): CertificateFacts[] {
  const roots: CertificateFacts[] = [];
  for (const pem of pems) {
    for (const block of pemBlocks(pem)) {
      try {
        roots.push(parseCertificate(block.der));
      } catch {
        continue;
      }
    }
  }
  return roots;
}

/** A chain from leaf to root, or why there is none. */
export type ChainResult = { readonly ok: true; readonly path: readonly CertificateFacts[] } | Refusal;

/**
 * Checks a chain (RFC 5280, section 6, without policies): form and usage of the leaf, signatures up to one of the
 * roots, CA rights and path lengths on the way, validity of all of them, and that a SPIFFE id stands alone.
 */
export function verifyChain(
  chain: readonly Uint8Array[],
  roots: readonly CertificateFacts[],
  role: PeerRole,
  now: number,
): ChainResult {
  if (chain.length > MAX_CHAIN) return refuse("malformed", `it sent '${chain.length}' certificates`);
  const certificates: CertificateFacts[] = [];
  for (const der of chain) {
    try {
      certificates.push(parseCertificate(der));
    } catch (error) {
      return refuse("malformed", `its certificate is malformed (${(error as Error).message})`);
    }
  }
  const leaf = certificates[0];
  if (leaf === undefined) return refuse("no_certificate", "it sent no certificate");
  const search: Search = { roots, sent: certificates.slice(1), signatures: 0, rejected: null };
  const path = findPath([leaf], search);
  if (path === null) {
    return refuse("untrusted", search.rejected ?? `no trusted root vouches for issuer '${leaf.issuerText}'`);
  }
  for (const certificate of path) {
    const what = certificate === leaf ? "its certificate" : `the CA certificate '${certificate.subjectText}'`;
    if (now < certificate.notBefore) {
      return refuse("not_yet_valid", `${what} is not valid before '${iso(certificate.notBefore)}'`);
    }
    if (now >= certificate.notAfter) return refuse("expired", `${what} expired at '${iso(certificate.notAfter)}'`);
    if (certificate.unknownCritical.length > 0) {
      return refuse("unverifiable", `${what} has the unknown critical extension '${certificate.unknownCritical[0]}'`);
    }
  }
  return checkLeaf(leaf, role) ?? { ok: true, path };
}

function identityOf(leaf: CertificateFacts, chain: readonly Uint8Array[], sha256: string): PeerIdentity {
  return {
    principal: leaf.uriSans.find(isSpiffe) ?? "",
    uriSans: leaf.uriSans,
    dnsSans: leaf.dnsSans,
    subject: leaf.subjectText,
    sha256,
    certificate: leaf.der,
    chain,
  };
}

function checkLeaf(leaf: CertificateFacts, role: PeerRole): Refusal | null {
  if (leaf.isCa) return refuse("wrong_usage", "its certificate is a CA's and may not be used on a connection");
  if (leaf.keyUsage !== null && (leaf.keyUsage & KeyUsage.DIGITAL_SIGNATURE) === 0) {
    return refuse("wrong_usage", "its certificate may not be used for signatures (key usage lacks digitalSignature)");
  }
  const wanted = role === "client" ? ExtendedKeyUsage.CLIENT_AUTH : ExtendedKeyUsage.SERVER_AUTH;
  const usages = leaf.extendedKeyUsage;
  if (usages !== null && !usages.includes(wanted) && !usages.includes(ExtendedKeyUsage.ANY)) {
    return refuse("wrong_usage", `its certificate may not be used by a ${role} (extended key usage lacks ${role}Auth)`);
  }
  // SPIFFE X509-SVID, section 2: exactly one URI SAN. With two of them, who it is would depend on who reads it.
  if (leaf.uriSans.length > 1 && leaf.uriSans.some(isSpiffe)) {
    return refuse("wrong_identity", `its certificate has '${leaf.uriSans.length}' URI names beside a SPIFFE id`);
  }
  return null;
}

interface Search {
  readonly roots: readonly CertificateFacts[];
  readonly sent: readonly CertificateFacts[];
  signatures: number;
  /** The best reason found so far why a candidate was passed over. */
  rejected: string | null;
}

/** Depth-first search for a path from the last certificate of `path` to a root; every step checks a signature. */
function findPath(path: readonly CertificateFacts[], search: Search): CertificateFacts[] | null {
  const last = path[path.length - 1]!;
  for (const root of search.roots) {
    if (mayIssue(root, last, path.length - 1, search) && isSigned(last, root, search)) return [...path, root];
  }
  for (const candidate of search.sent) {
    if (path.includes(candidate) || !mayIssue(candidate, last, path.length - 1, search)) continue;
    if (!isSigned(last, candidate, search)) continue;
    const found = findPath([...path, candidate], search);
    if (found !== null) return found;
  }
  return null;
}

/** Whether an issuer fits by name and is allowed to issue; `below` CAs stand between it and the leaf. */
function mayIssue(issuer: CertificateFacts, subject: CertificateFacts, below: number, search: Search): boolean {
  if (!sameBytes(issuer.subject, subject.issuer)) return false;
  if (!issuer.isCa) {
    search.rejected ??= `issuer '${issuer.subjectText}' is not a CA`;
    return false;
  }
  if (issuer.keyUsage !== null && (issuer.keyUsage & KeyUsage.KEY_CERT_SIGN) === 0) {
    search.rejected ??= `issuer '${issuer.subjectText}' may not sign certificates`;
    return false;
  }
  if (issuer.pathLength !== null && issuer.pathLength < below) {
    search.rejected ??= `issuer '${issuer.subjectText}' does not allow a chain this long`;
    return false;
  }
  return true;
}

function isSigned(subject: CertificateFacts, issuer: CertificateFacts, search: Search): boolean {
  if (++search.signatures > MAX_SIGNATURES) return false;
  try {
    if (new X509Certificate(subject.der).verify(new X509Certificate(issuer.der).publicKey)) return true;
  } catch {
    // An unknown signature algorithm or key: nothing vouches for the certificate.
  }
  search.rejected ??= `a root named '${issuer.subjectText}' is trusted, but another key signed the certificate`;
  return false;
}

function applyRule(peer: PeerIdentity, rule: PeerRule): Verification {
  const reason = rule(peer);
  return reason === null ? { ok: true, peer } : refuse("wrong_identity", reason);
}

function isSpiffe(uri: string): boolean {
  return uri.slice(0, 9).toLowerCase() === "spiffe://";
}

function refuse(failure: PeerFailure, reason: string): Refusal {
  return { ok: false, failure, reason };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
