import type { TokenOption } from "../bootstrap/join_options.ts";

/** Gives the token for one request to the control plane. */
export interface TokenSource {
  /** Where it comes from, for messages; never the token itself. */
  readonly description: string;
  /**
   * The token as it is now; `null` where there is none.
   *
   * @throws {Error} When it cannot be read although it should be there.
   */
  read(): Promise<string | null>;
}

/**
 * Makes a source of a {@linkcode TokenOption}. A file is read again for each request: Kubernetes replaces projected
 * tokens in place.
 *
 * @param option The token, where it is, or `null` for none.
 * @param readTextFile Reads files. @default {Deno.readTextFile}
 */
export function createTokenSource(
  option: TokenOption | null,
  readTextFile: (path: string) => Promise<string> = Deno.readTextFile,
): TokenSource {
  if (option === null) return { description: "no token", read: () => Promise.resolve(null) };
  if (typeof option === "string") {
    return {
      description: "the token option",
      read: () => new Promise((resolve) => resolve(clean(option))),
    };
  }
  if (typeof option === "function") {
    return { description: "the token function", read: async () => clean(await option()) };
  }
  const { file } = option;
  return {
    description: `file '${file}'`,
    async read() {
      try {
        return clean(await readTextFile(file));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    },
  };
}

/** What a token claims, read without verification: for messages only, nothing is decided by it. */
export interface TokenClaims {
  /** Milliseconds since the epoch; `null` where it does not expire. */
  readonly expiresAt: number | null;
  readonly audiences: readonly string[];
  readonly subject: string | null;
  readonly issuer: string | null;
}

/** Reads the claims of a JWT; `null` when it is none. */
export function peekClaims(token: string): TokenClaims | null {
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  try {
    const payload: unknown = JSON.parse(
      new TextDecoder().decode(Uint8Array.fromBase64(parts[1]!, { alphabet: "base64url" })),
    );
    if (typeof payload !== "object" || payload === null) return null;
    const { exp, aud, sub, iss } = payload as Record<string, unknown>;
    return {
      expiresAt: typeof exp === "number" ? exp * 1000 : null,
      audiences: (Array.isArray(aud) ? aud : [aud]).filter((one): one is string => typeof one === "string"),
      subject: typeof sub === "string" ? sub : null,
      issuer: typeof iss === "string" ? iss : null,
    };
  } catch {
    return null;
  }
}

/** A header value holds no line break; files end with one. */
function clean(token: string): string | null {
  const trimmed = token.trim();
  if (trimmed === "") return null;
  if (!/^[\x21-\x7e]+$/.test(trimmed)) {
    throw new TypeError("Cannot use token: it holds a space, a line break or bytes beyond ASCII");
  }
  return trimmed;
}
