import { CHECK_NAMES, type CheckResult, type CheckStatus } from "./check.ts";

/** How lines are written: aligned and coloured for people, plain for files, objects for programs. */
export type ReportStyle =
  | { readonly kind: "json" }
  | { readonly kind: "plain" }
  | { readonly kind: "table"; readonly color: boolean };

const COLORS: Record<CheckStatus, number> = { ok: 32, warning: 33, failed: 31, skipped: 90 };
const STATUS_WIDTH = "skipped".length;
const NAME_WIDTH = Math.max(...CHECK_NAMES.map((name) => name.length));
const GAP = "  ";

/** One result as text, without a line break at its end. In a table the next step stands below what it follows from. */
export function formatResult(result: CheckResult, style: ReportStyle): string {
  if (style.kind === "json") return JSON.stringify(result);
  const { name, status, hint } = result;
  // Parts of a message come from files and peers: a control character would reach the terminal.
  const message = result.message.replace(/\p{Cc}+/gu, " ");
  if (style.kind === "plain") return `${status}: ${name}: ${message}${hint === null ? "" : ` (next: ${hint})`}`;
  const padded = status.padEnd(STATUS_WIDTH);
  const shown = style.color ? `\x1b[${COLORS[status]}m${padded}\x1b[0m` : padded;
  const indent = " ".repeat(STATUS_WIDTH + NAME_WIDTH + 2 * GAP.length);
  const next = hint === null ? "" : `\n${indent}next: ${hint}`;
  return `${shown}${GAP}${name.padEnd(NAME_WIDTH)}${GAP}${message}${next}`;
}
