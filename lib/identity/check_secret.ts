import { createPrivateKey, createPublicKey } from "node:crypto";
import { parseCertificate } from "../transport/certificate.ts";
import { parseRoots, verifyChain } from "../transport/peer_verification.ts";
import { formatPem, pemBlocks } from "../transport/pem.ts";
import type { IssuedSecret } from "./certificate_source.ts";

/** A secret that can be used, or why not. `clock` says that the machine's time is the likely reason. */
export type CheckedSecret =
  | {
    readonly ok: true;
    /** Leaf and intermediates, PEM, normalised. */
    readonly chain: string;
    readonly spiffeId: string | null;
    readonly notBefore: number;
    readonly notAfter: number;
  }
  | { readonly ok: false; readonly reason: string; readonly clock: boolean };

/**
 * Checks what a CA or a file has given before it replaces what we have: the key belongs to the leaf, the chain leads to
 * the roots that came with it, and it is valid now. Peers would refuse us otherwise, one by one and later.
 *
 * @param secret What was given.
 * @param now Milliseconds since the epoch.
 */
export function checkSecret(secret: IssuedSecret, now: number): CheckedSecret {
  const ders = pemBlocks(secret.chain).filter(({ label }) => label === "CERTIFICATE").map(({ der }) => der);
  if (ders.length === 0) return { ok: false, reason: "the chain holds no certificate", clock: false };
  try {
    const leaf = parseCertificate(ders[0]!);
    if (!sameBytes(leaf.publicKey, publicKeyOf(secret.key))) {
      return { ok: false, reason: "the certificate is for another key", clock: false };
    }
    const roots = parseRoots(secret.roots);
    if (roots.length === 0) return { ok: false, reason: "no root certificate can be read", clock: false };
    // A chain may end with its root; the rest of it is what peers need.
    const sent = ders.filter((der, i) => i === 0 || !roots.some((root) => sameBytes(root.der, der)));
    const verified = verifyChain(sent, roots, "client", now);
    if (!verified.ok) {
      const clock = verified.failure === "expired" || verified.failure === "not_yet_valid";
      return { ok: false, reason: verified.reason, clock };
    }
    return {
      ok: true,
      chain: sent.map((der) => formatPem("CERTIFICATE", der)).join(""),
      spiffeId: leaf.uriSans.find((uri) => uri.startsWith("spiffe://")) ?? null,
      notBefore: leaf.notBefore,
      notAfter: Math.min(...verified.path.map(({ notAfter }) => notAfter)),
    };
  } catch (error) {
    return { ok: false, reason: `it cannot be read (${(error as Error).message})`, clock: false };
  }
}

function publicKeyOf(privateKeyPem: string): Uint8Array {
  return createPublicKey(createPrivateKey(privateKeyPem) as unknown as string).export({ type: "spki", format: "der" });
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
