/**
 * Counters, gauges and histograms of the process. A series is looked up once and then recorded to through its handle.
 *
 * @module
 */

/** Envoy's default histogram bounds, of bytes and of milliseconds alike. */
// deno-fmt-ignore
export const DEFAULT_BUCKETS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
];

/** What a family measures. */
export type MetricKind = "counter" | "gauge" | "histogram";

/** Limits that keep hostile label values from filling the memory. */
export interface MetricLimits {
  /**
   * Most series of one family; what comes later is recorded in one series labelled `overflow="true"`.
   * @default {10000}
   */
  readonly maxSeries?: number;
  /**
   * Most UTF-16 units of a label value; the rest is cut off.
   * @default {256}
   */
  readonly maxLabelLength?: number;
}

/** Labels of a series: names with values, in the order in which they are shown. */
export type Labels = readonly (readonly [name: string, value: string])[];

/** A number that only grows. */
export class Counter {
  /** The labels as they are shown: `a="1",b="2"`. */
  readonly labels: string;
  /** The number as it is now. */
  value = 0;

  /** @param labels The labels as they are shown. */
  constructor(labels: string) {
    this.labels = labels;
  }

  /** Adds `amount`. */
  add(amount: number): void {
    this.value += amount;
  }
}

/** A number that goes up and down. */
export class Gauge extends Counter {
  /** Replaces the value. */
  set(value: number): void {
    this.value = value;
  }
}

/** Counts values by size. */
export class Histogram {
  /** The labels as they are shown: `a="1",b="2"`. */
  readonly labels: string;
  /** Upper bounds, ascending; a value that equals a bound is within it. */
  readonly bounds: readonly number[];
  /** Values per bucket (not cumulative); the last one is above every bound. */
  readonly buckets: Float64Array;
  /** Sum of all values. */
  sum = 0;

  /**
   * @param labels The labels as they are shown.
   * @param bounds Upper bounds, ascending.
   */
  constructor(labels: string, bounds: readonly number[]) {
    this.labels = labels;
    this.bounds = bounds;
    this.buckets = new Float64Array(bounds.length + 1);
  }

  /** Counts a value. */
  record(value: number): void {
    const bounds = this.bounds;
    let bucket = 0;
    // Sizes and times of requests are mostly in the first third of the bounds: a scan beats a binary search.
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.buckets[bucket]! += 1;
    this.sum += value;
  }

  /** Number of values counted. */
  get count(): number {
    let count = 0;
    for (const values of this.buckets) count += values;
    return count;
  }
}

/** All series of one metric. */
export class MetricFamily<S extends Counter | Histogram> {
  /** As shown, for example `istio_requests_total`. */
  readonly name: string;
  /** What it measures. */
  readonly kind: MetricKind;
  readonly #series: Map<string, S> = new Map();
  readonly #make: (labels: string) => S;
  readonly #limits: Required<MetricLimits>;

  /**
   * @param name As shown, for example `istio_requests_total`.
   * @param kind What it measures.
   * @param make Makes a series of these labels.
   * @param limits Limits, all given.
   */
  constructor(name: string, kind: MetricKind, make: (labels: string) => S, limits: Required<MetricLimits>) {
    this.name = name;
    this.kind = kind;
    this.#make = make;
    this.#limits = limits;
  }

  /** The series of these labels, made on first use; the overflow series once there are too many. Keep the handle. */
  with(labels: Labels): S {
    return this.#get(formatLabels(labels, this.#limits.maxLabelLength));
  }

  /** Every series, in no particular order. */
  series(): IterableIterator<S> {
    return this.#series.values();
  }

  /** Number of series. */
  get size(): number {
    return this.#series.size;
  }

  #get(labels: string): S {
    let series = this.#series.get(labels);
    if (series === undefined) {
      if (this.#series.size >= this.#limits.maxSeries && labels !== OVERFLOW) return this.#get(OVERFLOW);
      series = this.#make(labels);
      this.#series.set(labels, series);
    }
    return series;
  }
}

const OVERFLOW = 'overflow="true"';

/** The metrics of one mesh. */
export class MetricRegistry {
  readonly #families: Map<string, MetricFamily<Counter | Histogram>> = new Map();
  readonly #limits: Required<MetricLimits>;

  /** @param limits Limits of every family. */
  constructor(limits: MetricLimits = {}) {
    this.#limits = { maxSeries: limits.maxSeries ?? 10_000, maxLabelLength: limits.maxLabelLength ?? 256 };
  }

  /**
   * The counter family of that name.
   *
   * @throws {TypeError} When the name belongs to a family of another kind.
   */
  counter(name: string): MetricFamily<Counter> {
    return this.#family(name, "counter", (labels) => new Counter(labels)) as MetricFamily<Counter>;
  }

  /** The gauge family of that name. @throws {TypeError} As {@linkcode MetricRegistry.counter}. */
  gauge(name: string): MetricFamily<Gauge> {
    return this.#family(name, "gauge", (labels) => new Gauge(labels)) as MetricFamily<Gauge>;
  }

  /**
   * The histogram family of that name.
   *
   * @param bounds Upper bounds of its buckets, ascending; those of the first call stay.
   * @throws {TypeError} As {@linkcode MetricRegistry.counter}.
   */
  histogram(name: string, bounds: readonly number[] = DEFAULT_BUCKETS): MetricFamily<Histogram> {
    return this.#family(name, "histogram", (labels) => new Histogram(labels, bounds)) as MetricFamily<Histogram>;
  }

  /** Every family, in no particular order. */
  families(): IterableIterator<MetricFamily<Counter | Histogram>> {
    return this.#families.values();
  }

  #family<S extends Counter | Histogram>(
    name: string,
    kind: MetricKind,
    make: (labels: string) => S,
  ): MetricFamily<Counter | Histogram> {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = new MetricFamily<Counter | Histogram>(name, kind, make, this.#limits);
      this.#families.set(name, family);
    }
    if (family.kind !== kind) {
      throw new TypeError(`Cannot use metric '${name}' as a ${kind}: it is a ${family.kind}`);
    }
    return family;
  }
}

/** Labels as Prometheus reads them, each value cut to a length and escaped. */
function formatLabels(labels: Labels, maxLength: number): string {
  let out = "";
  for (const [name, value] of labels) {
    const cut = value.length > maxLength ? value.slice(0, maxLength) : value;
    out += `${out === "" ? "" : ","}${name.replace(/[^a-zA-Z0-9_]/g, "_")}="${escapeLabel(cut)}"`;
  }
  return out;
}

function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replace(/[\\"\n]/g, (character) => character === "\n" ? "\\n" : `\\${character}`)
    : value;
}
