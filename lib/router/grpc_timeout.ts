import type { HeaderView } from "../formatter/stream_info.ts";

const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * Milliseconds of a `grpc-timeout` header (up to eight digits and a unit), rounded up so that no deadline turns into 0;
 * `null` where there is none or it is malformed.
 */
export function grpcTimeoutMs(headers: HeaderView): number | null {
  const value = headers.get("grpc-timeout");
  if (value === undefined || !/^[0-9]{1,8}[HMSmun]$/.test(value)) return null;
  return Math.ceil(Number(value.slice(0, -1)) * UNITS[value[value.length - 1]!]!);
}

/** A `grpc-timeout` value of that many milliseconds, in the finest unit that fits eight digits. */
export function formatGrpcTimeout(ms: number): string {
  if (ms < 1e8) return `${Math.ceil(ms)}m`;
  if (ms < 1e11) return `${Math.ceil(ms / 1000)}S`;
  return `${Math.min(99_999_999, Math.ceil(ms / 60_000))}M`;
}
