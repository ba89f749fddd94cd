import type { OutlierDetection } from "../resource/cluster.ts";

/** How the requests to one host went in an interval. */
export interface RequestRecord<H> {
  readonly host: H;
  readonly total: number;
  readonly succeeded: number;
}

/** What the rates of an interval say. */
export interface RateVerdict<H> {
  /** Mean of the rates, percent; -1 where too few hosts had enough requests. */
  readonly average: number;
  /** Rate below which a host is an outlier, percent; -1 as above. */
  readonly threshold: number;
  /** Rates that are known, percent. */
  readonly rates: readonly { readonly host: H; readonly rate: number }[];
  /** Hosts whose rate is below the threshold. */
  readonly slow: readonly H[];
  /** Hosts that failed too large a part of their requests. */
  readonly failing: readonly H[];
}

/** What detection by rates goes by. */
export type RateSettings = Pick<
  OutlierDetection,
  | "successRateMinimumHosts"
  | "successRateRequestVolume"
  | "successRateStdevFactor"
  | "failurePercentageThreshold"
  | "failurePercentageMinimumHosts"
  | "failurePercentageRequestVolume"
>;

/**
 * Finds outliers among the rates of success of one interval, by Envoy's two rules: rates below the mean by so many
 * standard deviations (of the population), and percentages of failure at or above a threshold. Hosts with few requests
 * do not count, and neither rule applies to fewer hosts than its minimum.
 *
 * @param records The hosts that are not ejected.
 * @param hostCount All hosts, ejected ones too.
 * @param settings Thresholds.
 */
export function judgeRates<H>(
  records: readonly RequestRecord<H>[],
  hostCount: number,
  settings: RateSettings,
): RateVerdict<H> {
  const { successRateRequestVolume, failurePercentageRequestVolume } = settings;
  if (hostCount < settings.successRateMinimumHosts && hostCount < settings.failurePercentageMinimumHosts) {
    return NOTHING;
  }
  const measured = records.filter(({ total }) => total > 0)
    .map(({ host, total, succeeded }) => ({ host, total, rate: succeeded * 100 / total }));
  const rated = measured.filter(({ total }) => total >= successRateRequestVolume);
  const counted = measured.filter(({ total }) => total >= failurePercentageRequestVolume);
  let average = -1;
  let threshold = -1;
  let slow: readonly H[] = [];
  if (rated.length > 0 && rated.length >= settings.successRateMinimumHosts) {
    average = rated.reduce((sum, { rate }) => sum + rate, 0) / rated.length;
    const variance = rated.reduce((sum, { rate }) => sum + (rate - average) ** 2, 0) / rated.length;
    threshold = average - settings.successRateStdevFactor / 1000 * Math.sqrt(variance);
    slow = rated.filter(({ rate }) => rate < threshold).map(({ host }) => host);
  }
  const failing = counted.length === 0 || counted.length < settings.failurePercentageMinimumHosts
    ? []
    : counted.filter(({ rate }) => 100 - rate >= settings.failurePercentageThreshold).map(({ host }) => host);
  const shown = Math.min(successRateRequestVolume, failurePercentageRequestVolume);
  return { average, threshold, rates: measured.filter(({ total }) => total >= shown), slow, failing };
}

const NOTHING: RateVerdict<never> = { average: -1, threshold: -1, rates: [], slow: [], failing: [] };
