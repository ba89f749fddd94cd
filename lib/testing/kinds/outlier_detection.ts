import type { Fields } from "../fields.ts";

/** When an endpoint is ejected; `undefined` means Envoy's default. Times in milliseconds. */
export interface OutlierDetection {
  readonly consecutive5xxErrors: number | undefined;
  readonly consecutiveGatewayErrors: number | undefined;
  readonly splitExternalLocalOriginErrors: boolean;
  readonly consecutiveLocalOriginFailures: number | undefined;
  readonly intervalMs: number | undefined;
  readonly baseEjectionTimeMs: number | undefined;
  readonly maxEjectionPercent: number | undefined;
  /** Share of healthy endpoints below which all of them are used. */
  readonly minHealthPercent: number;
}

/** Reads `outlierDetection`, `undefined` where absent. */
export function parseOutlierDetection(fields: Fields | undefined): OutlierDetection | undefined {
  if (fields === undefined) return undefined;
  fields.only(
    "consecutive5xxErrors",
    "consecutiveGatewayErrors",
    "splitExternalLocalOriginErrors",
    "consecutiveLocalOriginFailures",
    "interval",
    "baseEjectionTime",
    "maxEjectionPercent",
    "minHealthPercent",
  );
  return {
    consecutive5xxErrors: fields.number("consecutive5xxErrors"),
    consecutiveGatewayErrors: fields.number("consecutiveGatewayErrors"),
    splitExternalLocalOriginErrors: fields.boolean("splitExternalLocalOriginErrors") ?? false,
    consecutiveLocalOriginFailures: fields.number("consecutiveLocalOriginFailures") || undefined,
    intervalMs: fields.durationMs("interval"),
    baseEjectionTimeMs: fields.durationMs("baseEjectionTime"),
    maxEjectionPercent: fields.number("maxEjectionPercent", 0, 100) || undefined,
    minHealthPercent: fields.number("minHealthPercent", 0, 100) ?? 0,
  };
}
