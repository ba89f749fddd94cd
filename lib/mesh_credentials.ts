/**
 * From what the bootstrap found to what identity and discovery need: where certificates come from, and how the control
 * plane is spoken to.
 *
 * @module
 */
import type { Bootstrap } from "./bootstrap/bootstrap.ts";
import { checkRoots, type RootSource } from "./bootstrap/credentials.ts";
import { type FileSource, fileSystem } from "./bootstrap/file_source.ts";
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
    ...(roots.ca === null ? {} : { roots: rootsReader(roots.ca, options.logger) }),
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
 * How the discovery service is spoken to, as of now: our certificate once there is one, roots and token, which are read
 * again each time.
 */
export function discoverySecurity(
  bootstrap: Bootstrap,
  certificate: () => TlsCertificate | null,
  logger: Logger,
): () => Promise<AdsSecurity> {
  const { discovery, roots, token } = bootstrap;
  const source: TokenSource = createTokenSource(token);
  const readRoots = roots.discovery === null ? null : rootsReader(roots.discovery, logger);
  return async () => {
    if (discovery.plaintext) return { tls: null, token: null };
    const tls: ControlChannelTls = {
      roots: readRoots === null ? pemOf(null) : await readRoots(),
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

/**
 * Reads the roots again each time: Kubernetes replaces the file when the mesh's root is rotated. A file that cannot be
 * used leaves the roots as they were.
 */
export function rootsReader(
  source: RootSource,
  logger: Logger,
  files: FileSource = fileSystem,
): () => Promise<string | null> {
  if (source.kind !== "file") return () => Promise.resolve(pemOf(source));
  const { path } = source;
  let { pem } = source;
  return async () => {
    const result = await files.read(path);
    const problem = result.kind === "text" ? checkRoots(result.text) : `it is ${result.kind}`;
    if (problem !== null) logger.log("warning", `Cannot read the root certificate '${path}' again: ${problem}`);
    else if (result.kind === "text") pem = result.text;
    return pem;
  };
}

/** `null` trusts the roots of the system: only where that was asked for. */
function pemOf(source: RootSource | null): string | null {
  if (source === null) {
    throw new MeshError("CONFIG_INVALID", "Cannot speak TLS to istiod: there is no root certificate to verify it by");
  }
  return source.kind === "system" ? null : source.pem;
}
