import type { ResourceTable } from "./resource_table.ts";

/** The load assignments or route configurations that something refers to, and what was answered of them. */
export class ReferencedNames {
  #wanted: ReadonlySet<string> = new Set();
  readonly #unusable = new Set<string>();

  /** The names that visible and warming resources refer to; the same set as long as they are the same. */
  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  /** Whether a name was answered, but not with anything usable. */
  isUnusable(name: string): boolean {
    return this.#unusable.has(name);
  }

  /** Notes what the answer to a name was. */
  answered(name: string, usable: boolean): void {
    if (usable) this.#unusable.delete(name);
    else this.#unusable.add(name);
  }

  /** Takes over what is referred to now. */
  follow(names: ReadonlySet<string>): void {
    if (this.#wanted.size !== names.size || !this.#wanted.isSubsetOf(names)) this.#wanted = names;
  }

  /** Drops what nothing refers to any more. */
  forgetOthers(table: ResourceTable<unknown>): void {
    const unwanted = [...table.names()].filter((name) => !this.#wanted.has(name));
    for (const name of unwanted) table.delete(name);
    for (const name of this.#unusable) if (!this.#wanted.has(name)) this.#unusable.delete(name);
  }
}
