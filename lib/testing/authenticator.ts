import type { HeaderList } from "../http/header_list.ts";
import type { ConnectionInfo } from "../transport/byte_stream.ts";
import { GrpcStatusError } from "../grpc/grpc_status_error.ts";
import { GrpcStatus } from "../grpc/status.ts";
import type { ServiceAccountIdentity, TokenIssuer } from "./tokens.ts";

const BEARER = /^bearer +(\S+)$/i;

/**
 * Who a caller is, by istiod's order: the client certificate first, then the token of the call.
 *
 * @throws {GrpcStatusError} `UNAUTHENTICATED` when neither proves anything.
 */
export async function authenticate(
  tokens: TokenIssuer,
  trustDomain: string,
  headers: HeaderList,
  connection: ConnectionInfo | null,
): Promise<ServiceAccountIdentity> {
  const principal = connection?.tls?.peer?.principal;
  const certified = principal === undefined ? null : parseSpiffeId(principal, trustDomain);
  if (certified !== null) return certified;
  const bearer = BEARER.exec(headers.get("authorization") ?? "");
  if (bearer === null) {
    throw new GrpcStatusError(GrpcStatus.UNAUTHENTICATED, "request authenticate failure: no credentials");
  }
  try {
    return await tokens.verify(bearer[1]!);
  } catch (error) {
    throw new GrpcStatusError(GrpcStatus.UNAUTHENTICATED, `request authenticate failure: ${(error as Error).message}`);
  }
}

/** The service account in a SPIFFE id of the trust domain, `null` for any other name. */
function parseSpiffeId(id: string, trustDomain: string): ServiceAccountIdentity | null {
  const match = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(id);
  if (match === null || match[1] !== trustDomain) return null;
  return { namespace: match[2]!, serviceAccount: match[3]! };
}
