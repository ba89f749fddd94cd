import { formatPem } from "../transport/pem.ts";
import { KEY_ALGORITHM, type KeyPair } from "./key_pair.ts";

/**
 * A certificate signing request with an empty subject and one URI SAN, as Istio's agents send it (the CA takes the name
 * from the token and only checks the signature).
 *
 * @param keys The key to be certified.
 * @param spiffeId The wanted SPIFFE id.
 * @returns PKCS#10, PEM.
 */
export async function createCsr(keys: KeyPair, spiffeId: string): Promise<string> {
  // Loaded here: it takes tens of milliseconds, which the connection to the CA needs anyway. Version 2 asks for the
  // polyfill to be there before.
  await import("reflect-metadata");
  const { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } = await import("@peculiar/x509");
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys: { privateKey: keys.privateKey, publicKey: keys.publicKey },
    signingAlgorithm: KEY_ALGORITHM,
    // RFC 5280, section 4.2.1.6: critical, because the subject is empty.
    extensions: [new SubjectAlternativeNameExtension([{ type: "url", value: spiffeId }], true)],
  });
  return formatPem("CERTIFICATE REQUEST", new Uint8Array(request.rawData));
}
