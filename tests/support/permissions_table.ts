/** README's table of permissions, as flags that programs can be started with. */
const README = new URL("../../README.md", import.meta.url);

/** Flags by feature, as they are written. */
export type PermissionsTable = ReadonlyMap<string, readonly string[]>;

/** Reads the table; fails when README has none. */
export async function readPermissionsTable(): Promise<PermissionsTable> {
  const [, after = ""] = (await Deno.readTextFile(README)).split("\n## Permissions\n");
  const [section = ""] = after.split("\n## ");
  const rows = section.split("\n").filter((line) => line.startsWith("|")).slice(2);
  if (rows.length === 0) throw new Error("Cannot find the table of permissions in README.md");
  return new Map(rows.map((row) => {
    const [, feature, flags] = row.split("|").map((cell) => cell.trim());
    return [feature!, [...flags!.matchAll(/`(--[^`]+)`/g)].map(([, flag]) => flag!)];
  }));
}

/** Permissions by kind (`--allow-net`); an empty list grants all of a kind. */
export class PermissionSet {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** Flags put together, each value once. */
  static of(flags: readonly string[]): PermissionSet {
    const values = new Map<string, readonly string[]>();
    for (const flag of flags) {
      const [kind, list] = flag.split("=") as [string, string?];
      values.set(kind, [...new Set([...values.get(kind) ?? [], ...list?.split(",") ?? []])]);
    }
    return new PermissionSet(values);
  }

  /** The set with other values in place of README's examples. */
  with(replacements: Readonly<Record<string, string>>): PermissionSet {
    return this.#map((value) => [replacements[value] ?? value]);
  }

  /** The set without some values. */
  without(...values: readonly string[]): PermissionSet {
    return this.#map((value) => values.includes(value) ? [] : [value]);
  }

  /** Flags to start with; a kind of which nothing is left is not there. */
  get flags(): string[] {
    return [...this.#values].map(([kind, values]) => values.length === 0 ? kind : `${kind}=${values.join(",")}`);
  }

  #map(change: (value: string) => readonly string[]): PermissionSet {
    const changed = new Map<string, readonly string[]>();
    for (const [kind, values] of this.#values) {
      const left = [...new Set(values.flatMap(change))];
      // A kind that loses its last value must not come to grant everything.
      if (left.length > 0 || values.length === 0) changed.set(kind, left);
    }
    return new PermissionSet(changed);
  }
}
