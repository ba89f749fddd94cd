import type { Fields } from "../fields.ts";

/** Retries of a route; `attempts` 0 turns them off. Times in milliseconds. */
export interface Retries {
  readonly attempts: number;
  readonly perTryTimeoutMs: number | undefined;
  readonly backoffMs: number | undefined;
  /** Conditions and status codes, separated by commas. @default {istiod's own conditions} */
  readonly retryOn: string | undefined;
  /** Whether a retry prefers endpoints of other priorities than the ones that failed. */
  readonly remoteLocalities: boolean;
  /** Whether a retry avoids hosts that failed. @default {true without consistent hashing} */
  readonly ignorePreviousHosts: boolean | undefined;
}

/** Reads `retries`, `undefined` where absent. */
export function parseRetries(fields: Fields | undefined): Retries | undefined {
  if (fields === undefined) return undefined;
  fields.only(
    "attempts",
    "perTryTimeout",
    "retryOn",
    "backoff",
    "retryRemoteLocalities",
    "retryIgnorePreviousHosts",
  );
  const attempts = fields.number("attempts", 0, 1000) ?? 0;
  for (const name of ["perTryTimeout", "retryOn", "retryRemoteLocalities"]) {
    if (attempts === 0 && fields.has(name)) {
      throw fields.error("attempts", `must be 1 or more where '${name}' is there, current value is '0'`);
    }
  }
  const retryOn = fields.string("retryOn");
  return {
    attempts,
    perTryTimeoutMs: fields.durationMs("perTryTimeout"),
    backoffMs: fields.durationMs("backoff"),
    retryOn: retryOn === "" ? undefined : retryOn,
    remoteLocalities: fields.boolean("retryRemoteLocalities") ?? false,
    ignorePreviousHosts: fields.boolean("retryIgnorePreviousHosts"),
  };
}
