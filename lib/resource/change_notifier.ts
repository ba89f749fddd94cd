import type { Logger } from "../internal/logger.ts";
import { reasonOf } from "./issues.ts";
import type { Snapshot, SnapshotChange } from "./snapshot.ts";

/** Called after changes. */
export type ChangeListener = (snapshot: Snapshot, change: SnapshotChange) => void;

/** Tells about changes: once for all that happen in one turn of the event loop. */
export class ChangeNotifier {
  readonly #listeners = new Set<ChangeListener>();
  readonly #current: () => Snapshot;
  readonly #logger: Logger;
  #untold: SnapshotChange | null = null;

  /**
   * @param current Gives the snapshot to tell about.
   * @param logger Where it is reported when a listener throws.
   */
  constructor(current: () => Snapshot, logger: Logger) {
    this.#current = current;
    this.#logger = logger;
  }

  /** Adds a listener; returns a function that removes it. */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Notes a change, to be told when this turn is over. */
  add(change: SnapshotChange): void {
    if (this.#untold === null) queueMicrotask(() => this.#tell());
    this.#untold = this.#untold === null ? change : merge(this.#untold, change);
  }

  #tell(): void {
    const change = this.#untold;
    this.#untold = null;
    if (change === null) return;
    const snapshot = this.#current();
    for (const listener of [...this.#listeners]) {
      try {
        listener(snapshot, change);
      } catch (error) {
        // One listener that fails must not keep the others at the old configuration.
        this.#logger.log("error", "Cannot follow a change of the configuration: a listener failed", {
          reason: reasonOf(error),
        });
      }
    }
  }
}

function merge(a: SnapshotChange, b: SnapshotChange): SnapshotChange {
  return {
    clusters: a.clusters.union(b.clusters),
    endpoints: a.endpoints.union(b.endpoints),
    listeners: a.listeners.union(b.listeners),
    routes: a.routes.union(b.routes),
    extensions: a.extensions.union(b.extensions),
    nameTable: a.nameTable || b.nameTable,
  };
}
