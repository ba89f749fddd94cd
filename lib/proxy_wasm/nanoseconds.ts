const NS_PER_MS = 1_000_000n;

/** Milliseconds as nanoseconds, with what a clock knows of fractions. */
export function nanoseconds(ms: number): bigint {
  const whole = Math.floor(ms);
  return BigInt(whole) * NS_PER_MS + BigInt(Math.floor((ms - whole) * 1e6));
}
