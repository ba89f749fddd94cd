const UNITS: readonly (readonly [string, number])[] = [
  ["d", 24 * 3600 * 1000],
  ["h", 3600 * 1000],
  ["min", 60 * 1000],
  ["s", 1000],
];

/** A time in the largest unit of which there are two, rounded down: `23 h`, `90 min`. */
export function duration(ms: number): string {
  for (const [unit, size] of UNITS) if (ms >= 2 * size) return `${Math.floor(ms / size)} ${unit}`;
  return `${Math.max(0, Math.floor(ms / 1000))} s`;
}
