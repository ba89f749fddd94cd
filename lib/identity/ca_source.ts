import type { CaClient } from "./ca_client.ts";
import type { CertificateSource } from "./certificate_source.ts";
import { createCsr } from "./csr.ts";
import { generateKeyPair } from "./key_pair.ts";

/** Settings of {@linkcode createCaSource}. */
export interface CaSourceOptions {
  client: CaClient;
  /** The SPIFFE id to ask for; the CA grants the one of the token. */
  spiffeId: string;
  /** Wanted lifetime in seconds (`SECRET_TTL`). @default {86_400} */
  ttlSeconds?: number;
}

/** Certificates of the mesh's CA: a fresh key and a signing request for each. The key never leaves the process. */
export function createCaSource(options: CaSourceOptions): CertificateSource {
  const { client, spiffeId, ttlSeconds = 86_400 } = options;
  return {
    description: `the CA at '${client.address}'`,
    pollMs: null,
    async fetch(signal) {
      const keys = await generateKeyPair();
      const { chain, roots } = await client.sign(await createCsr(keys, spiffeId), ttlSeconds, signal);
      return { chain, key: keys.pem, roots: [roots] };
    },
    close: () => Promise.resolve(),
  };
}
