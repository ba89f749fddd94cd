import type { Listener } from "./listener.ts";
import { addressKey, type ListenerFacts } from "./resource_facts.ts";
import type { ResourceView } from "./resource_table.ts";
import type { ResourceVersion } from "./resource_version.ts";

/** A listener with the facts the store needs of it. */
export interface ListenerVersion {
  readonly resource: ResourceVersion<Listener>;
  readonly facts: ListenerFacts;
}

/** The listeners of a snapshot, found by name and by address. Shared by snapshots with the same listeners. */
export class ListenerView {
  readonly #entries: ResourceView<ListenerVersion>;
  #byAddress: ReadonlyMap<string, string> | null = null;

  /** @param entries Listeners by name; they never change. */
  constructor(entries: ResourceView<ListenerVersion>) {
    this.#entries = entries;
  }

  /** Every name. */
  get names(): readonly string[] {
    return [...this.#entries.names()];
  }

  /** The listener of that name. */
  get(name: string): Listener | null {
    return this.#entries.get(name)?.resource.value ?? null;
  }

  /** The outbound listener of that address. */
  at(ip: string, port: number): Listener | null {
    const key = addressKey(ip, port);
    if (key === null) return null;
    this.#byAddress ??= this.#index();
    const name = this.#byAddress.get(key);
    return name === undefined ? null : this.get(name);
  }

  #index(): Map<string, string> {
    const index = new Map<string, string>();
    for (const name of this.#entries.names()) {
      for (const key of this.#entries.get(name)!.facts.addresses) if (!index.has(key)) index.set(key, name);
    }
    return index;
  }
}
