/** Names with their versions as they were at one moment; it never changes. */
export interface ResourceView<V> {
  /** The version of that name. */
  get(name: string): V | undefined;
  /** Every name. */
  names(): Iterable<string>;
}

/** Stands in an overlay for a name that is gone. */
const GONE = Symbol("gone");
type Overlay<V> = ReadonlyMap<string, V | typeof GONE>;

/** Overlays are merged into the base once their square is larger than it: then neither copy costs much a change. */
const FEWEST_MERGED = 64;

/**
 * Names with their versions, most of which stay the same from view to view: a view shares a large base with its
 * successors and owns a small overlay. Copying ten thousand entries for each changed endpoint would cost more than all
 * the rest of the change.
 */
export class ResourceTable<V> {
  #base: Map<string, V> = new Map();
  #overlay: Map<string, V | typeof GONE> = new Map();
  #view: TableView<V> | null = null;
  /** Whether a view has the base: it is not written to any more. */
  #baseTaken = false;
  #changed = new Set<string>();

  /** The version of that name. */
  get(name: string): V | undefined {
    return lookup(this.#base, this.#overlay, name);
  }

  /** Whether there is one of that name. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Every name. */
  names(): Iterable<string> {
    return namesOf(this.#base, this.#overlay);
  }

  /** Every version. */
  *versions(): Iterable<V> {
    for (const name of this.names()) yield this.get(name)!;
  }

  /** Adds or replaces one. */
  set(name: string, version: V): void {
    this.#own();
    if (this.#baseTaken) this.#overlay.set(name, version);
    else this.#base.set(name, version);
    this.#changed.add(name);
  }

  /** Removes one; does nothing where there is none. */
  delete(name: string): void {
    if (!this.has(name)) return;
    this.#own();
    if (!this.#baseTaken) this.#base.delete(name);
    else if (this.#base.has(name)) this.#overlay.set(name, GONE);
    else this.#overlay.delete(name);
    this.#changed.add(name);
  }

  /** The entries as they are now; the same view until something changes. */
  take(): ResourceView<V> {
    this.#baseTaken = true;
    return this.#view ??= new TableView(this.#base, this.#overlay);
  }

  /** The names that changed since the last call. */
  takeChanges(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** Before the first write after a view was taken: what the view has is left to it. */
  #own(): void {
    if (this.#view === null) return;
    this.#view = null;
    const { size } = this.#overlay;
    if (size < FEWEST_MERGED || size * size < this.#base.size) {
      this.#overlay = new Map(this.#overlay);
      return;
    }
    const merged = new Map<string, V>();
    for (const name of this.names()) merged.set(name, this.get(name)!);
    this.#base = merged;
    this.#overlay = new Map();
    this.#baseTaken = false;
  }
}

class TableView<V> implements ResourceView<V> {
  readonly #base: ReadonlyMap<string, V>;
  readonly #overlay: Overlay<V>;

  constructor(base: ReadonlyMap<string, V>, overlay: Overlay<V>) {
    this.#base = base;
    this.#overlay = overlay;
  }

  get(name: string): V | undefined {
    return lookup(this.#base, this.#overlay, name);
  }

  names(): Iterable<string> {
    return namesOf(this.#base, this.#overlay);
  }
}

function lookup<V>(base: ReadonlyMap<string, V>, overlay: Overlay<V>, name: string): V | undefined {
  const own = overlay.size === 0 ? undefined : overlay.get(name);
  return own === undefined ? base.get(name) : own === GONE ? undefined : own;
}

function* namesOf<V>(base: ReadonlyMap<string, V>, overlay: Overlay<V>): Iterable<string> {
  if (overlay.size === 0) return yield* base.keys();
  for (const name of base.keys()) if (overlay.get(name) !== GONE) yield name;
  for (const [name, version] of overlay) if (version !== GONE && !base.has(name)) yield name;
}
