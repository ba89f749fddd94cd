import { decode, encode } from "../protobuf/registry.ts";
import type { CertificateAuthority } from "./certificate_authority.ts";
import { GrpcStatusError } from "../grpc/grpc_status_error.ts";
import { GrpcStatus } from "../grpc/status.ts";
import type { Faults } from "./faults.ts";
import type { ServiceAccountIdentity } from "./tokens.ts";

/** Path of the one method. */
export const CREATE_CERTIFICATE_PATH = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

const DEFAULT_TTL_SECONDS = 24 * 60 * 60;
const MAX_TTL_SECONDS = 90 * DEFAULT_TTL_SECONDS;

/**
 * Answers `CreateCertificate` as istiod does: the name comes from the caller's identity, never from the request.
 *
 * @throws {GrpcStatusError} For a lifetime of more than 90 days, an unreadable request, and by {@linkcode Faults}.
 */
export async function createCertificate(
  request: Uint8Array,
  identity: ServiceAccountIdentity,
  settings: { authority: CertificateAuthority; trustDomain: string; faults: Faults },
): Promise<Uint8Array> {
  const { authority, trustDomain, faults } = settings;
  if (faults.certificateRequests !== null) {
    throw new GrpcStatusError(GrpcStatus[faults.certificateRequests.status], faults.certificateRequests.message);
  }
  const { csr = "", validityDuration = 0 } = decode("istio.v1.auth.IstioCertificateRequest", request);
  if (validityDuration > MAX_TTL_SECONDS) {
    throw new GrpcStatusError(
      GrpcStatus.INVALID_ARGUMENT,
      `requested TTL ${validityDuration}s is greater than the max allowed TTL`,
    );
  }
  const ttlSeconds = validityDuration <= 0 ? DEFAULT_TTL_SECONDS : validityDuration;
  const uriSan = `spiffe://${trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
  let certChain: string[];
  try {
    certChain = await authority.sign(csr, {
      uriSan,
      ttlMs: ttlSeconds * 1000,
      ...(faults.certificates === null ? {} : { override: faults.certificates }),
    });
  } catch (error) {
    throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, (error as Error).message);
  }
  return encode("istio.v1.auth.IstioCertificateResponse", { certChain: [...faults.certificateChain ?? certChain] });
}
