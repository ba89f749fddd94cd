/** What came of one check. */
export type CheckStatus = "ok" | "warning" | "failed" | "skipped";

/** One line of `enmesh doctor`. */
export interface CheckResult {
  /** What was checked, as `token` or `certificate`. */
  readonly name: CheckName;
  /** How it went. */
  readonly status: CheckStatus;
  /** What was found, with the values in quotes. */
  readonly message: string;
  /** The next step to take; `null` where there is none. */
  readonly hint: string | null;
}

/** Name of a check. */
export type CheckName =
  | "permissions"
  | "settings"
  | "token"
  | "root certificate"
  | "sidecar"
  | "admin ports"
  | "istiod"
  | "certificate"
  | "clock"
  | "configuration"
  | "own endpoint";

/** The checks in the order in which they run. */
export const CHECK_NAMES: readonly CheckName[] = [
  "permissions",
  "settings",
  "token",
  "root certificate",
  "sidecar",
  "admin ports",
  "istiod",
  "certificate",
  "clock",
  "configuration",
  "own endpoint",
];

/** Makes a result. */
export function result(name: CheckName, status: CheckStatus, message: string, hint: string | null = null): CheckResult {
  return { name, status, message, hint };
}
