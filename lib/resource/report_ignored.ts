import type { Issues } from "./issues.ts";

/**
 * Reports fields that would change what is sent or accepted, and that are left out. What is false or empty asks for
 * nothing.
 *
 * @param path Empty, or ends with a dot.
 * @param message The message.
 * @param names Names of its fields, as Envoy has them.
 */
export function reportIgnored(issues: Issues, path: string, message: object, names: readonly string[]): void {
  const fields = message as Readonly<Record<string, unknown>>;
  for (const name of names) {
    const value = fields[name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())];
    if (asks(value)) issues.unsupport(`${path}${name}`, name);
  }
}

function asks(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "" || value === 0) return false;
  if (Array.isArray(value)) return value.length > 0;
  // A wrapper of a boolean holds what it says, and nothing for false.
  return typeof value !== "object" || Object.values(value).some((field) => field !== false);
}
