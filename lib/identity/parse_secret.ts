import { createPrivateKey, createPublicKey } from "node:crypto";
import type { EnvoyExtensionsTransport_socketsTlsV3Secret } from "../protobuf/gen/messages.ts";
import type { ParseResult } from "../resource/common.ts";
import { type Issues, reasonOf } from "../resource/issues.ts";
import { parseInlineText, parseMessage, required } from "../resource/parse_common.ts";
import { parseCertificate } from "../transport/certificate.ts";
import { pemBlocks } from "../transport/pem.ts";
import type { TlsCertificate, TrustBundle } from "../transport/secret_provider.ts";
import { readRoots } from "./trust_store.ts";

/** A secret of the control plane: a certificate with its key, or roots; without the version it gets when it is kept. */
export type DiscoveredSecret =
  | { readonly kind: "certificate"; readonly name: string; readonly certificate: Omit<TlsCertificate, "version"> }
  | { readonly kind: "roots"; readonly name: string; readonly bundle: Omit<TrustBundle, "version"> };

/**
 * Reads `envoy.extensions.transport_sockets.tls.v3.Secret` as istiod serves it for `credentialName`: a certificate with
 * its key, or, under the name that ends with `-cacert`, roots. Nothing of the key appears in an error.
 */
export function parseSecret(bytes: Uint8Array): ParseResult<DiscoveredSecret | null> {
  return parseMessage("envoy.extensions.transport_sockets.tls.v3.Secret", bytes, readSecret);
}

function readSecret(issues: Issues, secret: EnvoyExtensionsTransport_socketsTlsV3Secret): DiscoveredSecret | null {
  const name = required(issues, "name", secret.name);
  if (secret.tlsCertificate !== undefined) return readCertificate(issues, name, secret.tlsCertificate);
  if (secret.validationContext !== undefined) return readBundle(issues, name, secret.validationContext);
  issues.invalid("tls_certificate", "a secret must hold a certificate or a validation context");
  return null;
}

function readCertificate(
  issues: Issues,
  name: string,
  config: NonNullable<EnvoyExtensionsTransport_socketsTlsV3Secret["tlsCertificate"]>,
): DiscoveredSecret | null {
  const path = "tls_certificate";
  if (config.privateKeyProvider !== undefined) {
    issues.invalid(`${path}.private_key_provider`, "keys that stay in hardware cannot be used here");
    return null;
  }
  const chain = parseInlineText(issues, `${path}.certificate_chain`, config.certificateChain);
  const key = parseInlineText(issues, `${path}.private_key`, config.privateKey);
  if (chain === null || key === null) return null;
  try {
    const leaf = pemBlocks(chain).find(({ label }) => label === "CERTIFICATE");
    if (leaf === undefined) {
      issues.invalid(`${path}.certificate_chain`, "it must hold a PEM certificate");
      return null;
    }
    const { notBefore, notAfter, uriSans, publicKey } = parseCertificate(leaf.der);
    if (!sameBytes(publicKey, publicKeyOf(key))) {
      issues.invalid(`${path}.private_key`, "it must be the key of the certificate");
      return null;
    }
    const spiffeId = uriSans.find((uri) => uri.startsWith("spiffe://")) ?? null;
    return { kind: "certificate", name, certificate: { chain, key, spiffeId, notBefore, notAfter } };
  } catch (error) {
    issues.invalid(path, `certificate and key must be readable (${reasonOf(error)})`);
    return null;
  }
}

function readBundle(
  issues: Issues,
  name: string,
  config: NonNullable<EnvoyExtensionsTransport_socketsTlsV3Secret["validationContext"]>,
): DiscoveredSecret | null {
  const path = "validation_context";
  // A revoked certificate would be accepted without it: these roots are refused as a whole.
  if (config.crl !== undefined) {
    issues.invalid(`${path}.crl`, "revocation lists are not supported, these roots are not used without theirs");
  }
  const text = parseInlineText(issues, `${path}.trusted_ca`, config.trustedCa);
  if (text === null) return null;
  const { roots, problems } = readRoots([text]);
  if (roots.length === 0) {
    issues.invalid(`${path}.trusted_ca`, `it must hold a root certificate (${problems.join("; ")})`);
  }
  return { kind: "roots", name, bundle: { roots: [...new Set(roots)].sort() } };
}

function publicKeyOf(privateKeyPem: string): Uint8Array {
  return createPublicKey(createPrivateKey(privateKeyPem) as unknown as string).export({ type: "spki", format: "der" });
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
