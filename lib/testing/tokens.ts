import { type Clock, systemClock } from "../internal/clock.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const SUBJECT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** The service account a token or a certificate proves. */
export interface ServiceAccountIdentity {
  /** Kubernetes namespace. */
  readonly namespace: string;
  /** Kubernetes service account. */
  readonly serviceAccount: string;
}

/** What a token should say. Nothing is checked: tests need bad tokens too. */
export interface MintOptions extends ServiceAccountIdentity {
  /** `aud`. @default {"istio-ca"} */
  audience?: string;
  /** `iss`. @default {"https://kubernetes.default.svc"} */
  issuer?: string;
  /** Milliseconds until it expires; negative for an expired one. @default {3600000} */
  ttlMs?: number;
}

/** Settings of {@linkcode TokenIssuer.create}. */
export interface TokenIssuerOptions {
  /** `iss` of good tokens. @default {"https://kubernetes.default.svc"} */
  issuer?: string;
  /** `aud` of good tokens. @default {"istio-ca"} */
  audience?: string;
  /** Source of the dates. @default {systemClock} */
  clock?: Clock;
}

/**
 * Mints and verifies projected service account tokens (JWT, RFC 7519) as Kubernetes does for `istio-token` volumes.
 *
 * @example Mint a token and read it back
 * ```ts
 * import { TokenIssuer } from "@enmesh/enmesh/testing";
 * import assert from "node:assert/strict";
 *
 * const tokens = await TokenIssuer.create();
 * const token = await tokens.mint({ namespace: "default", serviceAccount: "sleep" });
 * assert.deepEqual(await tokens.verify(token), { namespace: "default", serviceAccount: "sleep" });
 * ```
 */
export class TokenIssuer {
  readonly #keys: CryptoKeyPair;
  readonly #options: Required<TokenIssuerOptions>;

  private constructor(keys: CryptoKeyPair, options: Required<TokenIssuerOptions>) {
    this.#keys = keys;
    this.#options = options;
  }

  /** Makes a signing key. */
  static async create(options: TokenIssuerOptions = {}): Promise<TokenIssuer> {
    const { issuer = "https://kubernetes.default.svc", audience = "istio-ca", clock = systemClock } = options;
    const keys = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
    return new TokenIssuer(keys, { issuer, audience, clock });
  }

  /** Signs a token for a service account. */
  async mint(options: MintOptions): Promise<string> {
    const now = Math.floor(this.#options.clock.now() / 1000);
    const head = encodePart({ alg: "ES256", typ: "JWT" });
    const claims = encodePart({
      iss: options.issuer ?? this.#options.issuer,
      aud: [options.audience ?? this.#options.audience],
      sub: `system:serviceaccount:${options.namespace}:${options.serviceAccount}`,
      iat: now,
      nbf: now,
      exp: now + Math.floor((options.ttlMs ?? 3_600_000) / 1000),
    });
    const signed = new TextEncoder().encode(`${head}.${claims}`);
    const signature = new Uint8Array(await crypto.subtle.sign(SIGNATURE, this.#keys.privateKey, signed));
    return `${head}.${claims}.${signature.toBase64({ alphabet: "base64url", omitPadding: true })}`;
  }

  /**
   * The service account a token proves.
   *
   * @throws {TypeError} When the token is malformed, not signed by this issuer, expired, or of another issuer or
   * audience.
   */
  async verify(token: string): Promise<ServiceAccountIdentity> {
    const [head, claims, signature, rest] = token.split(".");
    if (head === undefined || claims === undefined || signature === undefined || rest !== undefined) {
      throw new TypeError("Cannot verify the token: it is not a JWT of three parts");
    }
    const signed = new TextEncoder().encode(`${head}.${claims}`);
    if (!await crypto.subtle.verify(SIGNATURE, this.#keys.publicKey, decodeBytes(signature), signed)) {
      throw new TypeError("Cannot verify the token: it was not signed by this cluster");
    }
    return this.#check(JSON.parse(new TextDecoder().decode(decodeBytes(claims))));
  }

  #check(claims: { iss: string; aud: string[]; sub: string; exp: number }): ServiceAccountIdentity {
    const { issuer, audience, clock } = this.#options;
    if (claims.exp * 1000 <= clock.now()) throw new TypeError("Cannot verify the token: it has expired");
    if (claims.iss !== issuer) throw new TypeError(`Cannot verify the token: its issuer is '${claims.iss}'`);
    if (!claims.aud.includes(audience)) {
      throw new TypeError(`Cannot verify the token: its audience is '${claims.aud}', expected '${audience}'`);
    }
    const subject = SUBJECT.exec(claims.sub);
    if (subject === null) throw new TypeError(`Cannot verify the token: its subject is '${claims.sub}'`);
    return { namespace: subject[1]!, serviceAccount: subject[2]! };
  }
}

function encodePart(part: unknown): string {
  const bytes = new TextEncoder().encode(JSON.stringify(part));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

function decodeBytes(part: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(part, { alphabet: "base64url" });
  } catch (cause) {
    throw new TypeError("Cannot verify the token: it is not base64url", { cause });
  }
}
