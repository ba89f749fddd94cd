import { MeshError } from "../errors.ts";
import { type CheckName, type CheckResult, result } from "./check.ts";

/** An error as results: one for each problem it lists, else one for its message. */
export function failures(name: CheckName, error: unknown): CheckResult[] {
  if (error instanceof MeshError && error.problems.length > 0) {
    return error.problems.map(({ subject, message, hint }) =>
      result(name, "failed", `${subject}: ${message}`, hint ?? null)
    );
  }
  return [result(name, "failed", error instanceof Error ? error.message : String(error))];
}
