/** Names with their versions, copied before the first write after a snapshot has taken them. */
export class ResourceTable<V> {
  #entries: Map<string, V> = new Map();
  #taken = false;
  #changed = new Set<string>();

  /** The version of that name. */
  get(name: string): V | undefined {
    return this.#entries.get(name);
  }

  /** Whether there is one of that name. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Every name. */
  names(): Iterable<string> {
    return this.#entries.keys();
  }

  /** Every version. */
  versions(): Iterable<V> {
    return this.#entries.values();
  }

  /** Adds or replaces one. */
  set(name: string, version: V): void {
    this.#own();
    this.#entries.set(name, version);
    this.#changed.add(name);
  }

  /** Removes one; does nothing where there is none. */
  delete(name: string): void {
    if (!this.#entries.has(name)) return;
    this.#own();
    this.#entries.delete(name);
    this.#changed.add(name);
  }

  /** The entries as they are now; they never change any more. */
  take(): ReadonlyMap<string, V> {
    this.#taken = true;
    return this.#entries;
  }

  /** The names that changed since the last call. */
  takeChanges(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  #own(): void {
    if (!this.#taken) return;
    this.#entries = new Map(this.#entries);
    this.#taken = false;
  }
}
