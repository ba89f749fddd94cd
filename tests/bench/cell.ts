/** One figure of a bench against its bar. */
export interface Cell {
  /** The bench, for example `http`. */
  readonly name: string;
  /** The situation, for example `32 in flight, 100 B`. */
  readonly cell: string;
  /** What was measured, for example `cpu`. */
  readonly measure: string;
  /** The median of ours. */
  readonly value: number;
  readonly unit: string;
  /** What it is compared with, for example `direct`; empty for an absolute figure. */
  readonly against: string;
  /** Ours over the other, the median of the pairs; `null` for an absolute figure. */
  readonly ratio: number | null;
  /** Lowest and highest ratio (or value) seen. */
  readonly spread: readonly [number, number];
  /** The bar, in words. */
  readonly bar: string;
  readonly met: boolean;
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.slice().sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A cell of ratios: ours over theirs, pair by pair, against an upper bar. */
export function ratioCell(
  facts: Pick<Cell, "name" | "cell" | "measure" | "unit" | "against">,
  ours: readonly number[],
  theirs: readonly number[],
  bar: { atMost: number } | { atLeast: number },
): Cell {
  const ratios = ours.map((value, i) => value / theirs[i]!);
  const ratio = median(ratios);
  const atMost = "atMost" in bar;
  return {
    ...facts,
    value: median(ours),
    ratio,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    bar: atMost ? `<= ${bar.atMost.toFixed(2)} x` : `>= ${bar.atLeast.toFixed(2)} x`,
    met: atMost ? ratio <= bar.atMost : ratio >= bar.atLeast,
  };
}

/** A cell of one figure against an upper bar. */
export function absoluteCell(
  facts: Pick<Cell, "name" | "cell" | "measure" | "unit">,
  values: readonly number[],
  atMost: number,
): Cell {
  const value = median(values);
  return {
    ...facts,
    against: "",
    value,
    ratio: null,
    spread: [Math.min(...values), Math.max(...values)],
    bar: `<= ${atMost} ${facts.unit}`,
    met: value <= atMost,
  };
}
