import { type Counter, Histogram, type MetricFamily, type MetricRegistry } from "./metric_registry.ts";

/** The content type of {@linkcode exposeMetrics}, as Envoy 1.40 sends it. */
export const EXPOSITION_CONTENT_TYPE = "text/plain; charset=UTF-8";

const ORDER = { counter: 0, gauge: 1, histogram: 2 };

/**
 * Writes every metric in Prometheus' text format, as Envoy's `/stats/prometheus` prints it: counters, then gauges, then
 * histograms, each by name, the series of a family by their labels; braces even without labels.
 */
export function exposeMetrics(registry: MetricRegistry): string {
  const families = [...registry.families()].filter((family) => family.size > 0);
  families.sort((a, b) => ORDER[a.kind] - ORDER[b.kind] || compare(a.name, b.name));
  let out = "";
  for (const family of families) {
    out += `# TYPE ${family.name} ${family.kind}\n`;
    out += exposeSeries(family);
  }
  return out;
}

function exposeSeries(family: MetricFamily<Counter | Histogram>): string {
  let out = "";
  for (const series of [...family.series()].sort((a, b) => compare(a.labels, b.labels))) {
    out += series instanceof Histogram
      ? exposeHistogram(family.name, series)
      : `${family.name}{${series.labels}} ${series.value}\n`;
  }
  return out;
}

function exposeHistogram(name: string, histogram: Histogram): string {
  const { labels, bounds, buckets } = histogram;
  const prefix = `${name}_bucket{${labels}${labels === "" ? "" : ","}le="`;
  let out = "";
  let count = 0;
  for (let i = 0; i < bounds.length; i++) {
    count += buckets[i]!;
    out += `${prefix}${bounds[i]}"} ${count}\n`;
  }
  count += buckets[bounds.length]!;
  return `${out}${prefix}+Inf"} ${count}\n${name}_sum{${labels}} ${histogram.sum}\n${name}_count{${labels}} ${count}\n`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
