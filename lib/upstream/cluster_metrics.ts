import type { MetricRegistry } from "../telemetry/metric_registry.ts";

/**
 * Counts of one part of a cluster under Envoy's names (`envoy_cluster_outlier_detection_ejections_active`). A series
 * begins with its first count, as Envoy shows only what was used.
 */
export class ClusterMetrics {
  readonly #registry: MetricRegistry;
  readonly #labels: readonly (readonly [string, string])[];
  readonly #prefix: string;
  readonly #gauges = new Map<string, number>();

  /**
   * @param registry Where they go.
   * @param clusterName The cluster.
   * @param part The part: `outlier_detection`, `health_check`.
   */
  constructor(registry: MetricRegistry, clusterName: string, part: string) {
    this.#registry = registry;
    this.#labels = [["envoy_cluster_name", clusterName]];
    this.#prefix = `envoy_cluster_${part}_`;
  }

  /** Counts one more. */
  count(name: string): void {
    this.#registry.counter(this.#prefix + name).with(this.#labels).add(1);
  }

  /** Changes a number that goes up and down. */
  change(name: string, by: number): void {
    if (by === 0) return;
    this.#gauges.set(name, (this.#gauges.get(name) ?? 0) + by);
    this.#registry.gauge(this.#prefix + name).with(this.#labels).add(by);
  }

  /** Takes back what this object has added to numbers that go up and down: its cluster is gone. */
  close(): void {
    for (const [name, value] of this.#gauges) this.change(name, -value);
  }
}
