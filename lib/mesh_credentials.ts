/**
 * From what the bootstrap found to what identity and discovery need: where certificates come from, and how the control
 * plane is spoken to.
 *
 * @module
 */
import type { Bootstrap } from "./bootstrap/bootstrap.ts";
import type { RootSource } from "./bootstrap/credentials.ts";
import { MeshError } from "./errors.ts";
import type { ControlChannelTls } from "./grpc/control_channel.ts";
import { CaClient } from "./identity/ca_client.ts";
import { createCaSource } from "./identity/ca_source.ts";
import type { CertificateSource } from "./identity/certificate_source.ts";
import { createFileSource } from "./identity/file_source.ts";
import { formatSpiffeId } from "./identity/spiffe.ts";
import { createTokenSource, type TokenSource } from "./identity/token_source.ts";
import type { Clock } from "./internal/clock.ts";
import type { Logger } from "./internal/logger.ts";
import type { Random } from "./internal/random.ts";
import type { HandleRegistry } from "./transport/handle_registry.ts";
import type { TlsCertificate } from "./transport/secret_provider.ts";
import type { AdsSecurity } from "./xds/ads_client.ts";

/** What requests to the CA need besides the bootstrap. */
export interface CredentialOptions {
  readonly registry: HandleRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The SPIFFE id the bootstrap says we have. */
export function spiffeIdOf({ trustDomain, workload }: Bootstrap): string {
  return formatSpiffeId(trustDomain, workload.namespace, workload.serviceAccount);
}

/** Where our certificate comes from: files somebody else fills, or the mesh's CA. */
export function certificateSource(bootstrap: Bootstrap, options: CredentialOptions): CertificateSource {
  const { certificateFiles: files, ca, certificate, roots, token } = bootstrap;
  if (files?.use === "identity") {
    return createFileSource(files);
  }
  const client = new CaClient({
    hostname: ca.hostname,
    port: ca.port,
    tls: ca.plaintext ? null : { roots: pemOf(roots.ca), serverName: ca.serverName, certificate: null },
    token: createTokenSource(token),
    clusterId: bootstrap.workload.clusterId,
    headers: ca.headers,
    certSigner: certificate.signer,
    ...options,
  });
  return createCaSource({
    client,
    spiffeId: spiffeIdOf(bootstrap),
    ttlSeconds: Math.max(1, Math.round(certificate.ttlMs / 1000)),
  });
}

/**
 * How the discovery service is spoken to, as of now: our certificate once there is one, and the token, which is read
 * again each time.
 */
export function discoverySecurity(
  bootstrap: Bootstrap,
  certificate: () => TlsCertificate | null,
): () => Promise<AdsSecurity> {
  const { discovery, roots, token } = bootstrap;
  const source: TokenSource = createTokenSource(token);
  return async () => {
    if (discovery.plaintext) return { tls: null, token: null };
    const tls: ControlChannelTls = {
      roots: pemOf(roots.discovery),
      serverName: discovery.serverName,
      certificate: certificate(),
    };
    return { tls, token: await readToken(source) };
  };
}

async function readToken(source: TokenSource): Promise<string | null> {
  try {
    return await source.read();
  } catch (error) {
    throw new MeshError(
      "CONTROL_PLANE_UNAVAILABLE",
      `Cannot read the token from ${source.description}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** `null` trusts the roots of the system: only where that was asked for. */
function pemOf(source: RootSource | null): string | null {
  if (source === null) {
    throw new MeshError("CONFIG_INVALID", "Cannot speak TLS to istiod: there is no root certificate to verify it by");
  }
  return source.kind === "system" ? null : source.pem;
}
