import type { EnvoyTypeV3FractionalPercent as FractionalPercent } from "../../protobuf/gen/messages.ts";

/** A share as istiod writes those of its API: in millionths, cut off. */
export function perMillion(percent: number): FractionalPercent {
  const numerator = Math.trunc(percent * 10_000);
  return { ...(numerator === 0 ? {} : { numerator }), denominator: "MILLION" };
}
