import { formatPem } from "../transport/pem.ts";

/** A fresh key of one certificate. It lives in memory only. */
export interface KeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** PKCS#8, PEM, as TLS contexts need it. */
  readonly pem: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
}

/** What keys are made for: P-256 is what ztunnel asks with, and every Istio CA signs. */
export const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Makes a key pair. */
export async function generateKeyPair(): Promise<KeyPair> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
  const [pkcs8, spki] = await Promise.all([
    crypto.subtle.exportKey("pkcs8", privateKey),
    crypto.subtle.exportKey("spki", publicKey),
  ]);
  return { privateKey, publicKey, pem: formatPem("PRIVATE KEY", new Uint8Array(pkcs8)), spki: new Uint8Array(spki) };
}
