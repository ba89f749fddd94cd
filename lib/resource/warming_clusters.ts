import type { Clock, Timer } from "../internal/clock.ts";
import type { ClusterVersion } from "./stored_snapshot.ts";

/** A cluster that waits for its endpoints. */
export interface WarmingCluster {
  readonly version: ClusterVersion;
  /** When it began to wait, of the monotonic clock. */
  readonly since: number;
}

/** What {@linkcode WarmingClusters} works with. */
export interface WarmingClustersOptions {
  readonly clock: Clock;
  /** Milliseconds after which a changed cluster goes on with the endpoints that are known. */
  readonly resendWaitMs: number;
  /** Whether a load assignment of that name is known. */
  known(eds: string): boolean;
  /** Told the names of load assignments that were not sent again in time. */
  onDue(eds: ReadonlySet<string>): void;
}

/** The clusters that wait for their endpoints, and how long they have. */
export class WarmingClusters {
  readonly #options: WarmingClustersOptions;
  readonly #clusters = new Map<string, WarmingCluster>();
  #timer: Timer | null = null;

  /** @param options Time, and who knows and is told. */
  constructor(options: WarmingClustersOptions) {
    this.#options = options;
  }

  /** All of them, by name. */
  get all(): ReadonlyMap<string, WarmingCluster> {
    return this.#clusters;
  }

  /** The version of a cluster that waits. */
  get(name: string): ClusterVersion | undefined {
    return this.#clusters.get(name)?.version;
  }

  /** Lets a cluster wait, in place of an earlier version. */
  set(name: string, version: ClusterVersion): void {
    this.#clusters.set(name, { version, since: this.#options.clock.monotonic() });
  }

  /** Returns whether it was one of them. */
  delete(name: string): boolean {
    return this.#clusters.delete(name);
  }

  /** Those whose endpoints are among the names. */
  answeredBy(eds: ReadonlySet<string>): [name: string, version: ClusterVersion][] {
    const found: [string, ClusterVersion][] = [];
    for (const [name, { version }] of this.#clusters) {
      if (version.eds !== null && eds.has(version.eds)) found.push([name, version]);
    }
    return found;
  }

  /** Gives those whose endpoints are known the time to be sent them again. */
  waitForResends(): void {
    if (this.#timer !== null) return;
    let earliest = Infinity;
    for (const { since } of this.#known()) earliest = Math.min(earliest, since);
    if (earliest === Infinity) return;
    const { clock, resendWaitMs } = this.#options;
    this.#timer = clock.timer(Math.max(earliest + resendWaitMs - clock.monotonic(), 0), () => {
      this.#timer = null;
      const due = clock.monotonic() - resendWaitMs;
      const names = new Set<string>();
      for (const { version, since } of this.#known()) if (since <= due) names.add(version.eds!);
      this.#options.onDue(names);
    });
  }

  /** Stops the timer. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  *#known(): Generator<WarmingCluster> {
    for (const cluster of this.#clusters.values()) {
      const { eds } = cluster.version;
      if (eds !== null && this.#options.known(eds)) yield cluster;
    }
  }
}
