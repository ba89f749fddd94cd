import type { Problem } from "../errors.ts";
import { peekClaims } from "./token_source.ts";

/** gRPC status codes used here. */
const CANCELLED = 1;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const ABORTED = 10;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const RETRIABLE: ReadonlySet<number> = new Set([
  CANCELLED,
  DEADLINE_EXCEEDED,
  RESOURCE_EXHAUSTED,
  ABORTED,
  INTERNAL,
  UNAVAILABLE,
]);
const PERMANENT: ReadonlySet<number> = new Set([INVALID_ARGUMENT, PERMISSION_DENIED, UNAUTHENTICATED]);

/** A call that ended with another status than OK. */
export class CallFailure extends Error {
  /**
   * @param status gRPC status code.
   * @param details What the peer or the library says.
   * @param untrusted The server is not who it has to be.
   */
  constructor(readonly status: number, details: string, readonly untrusted: boolean = false) {
    super(details === "" ? `gRPC status ${status}` : details);
  }
}

/** Whether Istio's agent tries again at once (`pkg/security/retry.go`). */
export function isRetriable(failure: CallFailure): boolean {
  return RETRIABLE.has(failure.status);
}

/** Whether another try with the same credentials is pointless. */
export function isPermanent(failure: CallFailure): boolean {
  return PERMANENT.has(failure.status);
}

/** What is known about the request that failed. */
export interface RequestFacts {
  readonly tokenDescription: string;
  readonly token: string | null;
  readonly plaintext: boolean;
  readonly serverName: string | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Says what went wrong and what to check. The token is described, never shown. */
export function explainFailure(failure: CallFailure, facts: RequestFacts): Problem {
  const { status, message } = failure;
  if (status === UNAUTHENTICATED || status === PERMISSION_DENIED) {
    return { subject: facts.tokenDescription, message: `the CA refuses it: '${message}'`, hint: tokenHint(facts) };
  }
  if (status === INVALID_ARGUMENT) {
    return {
      subject: "certificate request",
      message: `the CA refuses it: '${message}'`,
      hint: "Check the requested lifetime (SECRET_TTL): istiod allows 90 days at most",
    };
  }
  if (status === UNIMPLEMENTED) {
    return {
      subject: "CA address",
      message: `no CA answers there: '${message}'`,
      hint: "Check CA_ADDR: istiod's CA is on its TLS port 15012, not on 15010",
    };
  }
  if (failure.untrusted || /verify|self.signed|altname|ERR_TLS|ERR_SSL/i.test(message)) {
    return {
      subject: "TLS to the CA",
      message: `the CA is not trusted: '${message}'`,
      hint: `Check that the root certificate (CA_ROOT_CA) is the mesh's, that the CA's certificate names ` +
        `'${facts.serverName ?? ""}' (ISTIOD_SAN overrides the name), and that the clock of this machine is right`,
    };
  }
  return {
    subject: "CA",
    message: `it cannot be reached or failed: '${message}'`,
    hint: "Check CA_ADDR, that istiod runs, and that --allow-net grants its address",
  };
}

function tokenHint({ token, plaintext, now }: RequestFacts): string {
  if (plaintext) return "Use the TLS port of the CA (15012): the token is not sent in plaintext";
  if (token === null) {
    return "No token was sent: mount a service account token with audience 'istio-ca', or set the token option";
  }
  const claims = peekClaims(token);
  if (claims === null) return "The token is not a JWT: check that the right file is mounted";
  if (claims.expiresAt !== null && claims.expiresAt <= now) {
    return `The token expired at '${
      new Date(claims.expiresAt).toISOString()
    }': check that it is renewed, and the clock`;
  }
  const audiences = claims.audiences.map((audience) => `'${audience}'`).join(", ");
  return `Check that istiod trusts the token's issuer '${claims.issuer ?? ""}' and accepts its audience ${
    audiences === "" ? "(none)" : audiences
  } ('istio-ca' is usual)`;
}
