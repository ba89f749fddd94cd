const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const UNITS_BY_SIZE: readonly (readonly [string, number])[] = [["m", 1], ["S", 1000], ["M", 60_000], ["H", 3_600_000]];
const MOST = 99_999_999;

/**
 * Reads `grpc-timeout`: at most eight digits and a unit.
 * @returns Milliseconds, or `null` when it is not a timeout.
 */
export function parseGrpcTimeout(value: string): number | null {
  const match = /^([0-9]{1,8})([HMSmun])$/.exec(value);
  return match === null ? null : Number(match[1]) * UNIT_MS[match[2]!]!;
}

/** Writes a timeout in milliseconds, in the finest unit it fits; never less than a millisecond. */
export function formatGrpcTimeout(ms: number): string {
  for (const [unit, size] of UNITS_BY_SIZE) {
    const count = Math.max(1, Math.ceil(ms / size));
    if (count <= MOST) return `${count}${unit}`;
  }
  return `${MOST}H`;
}
