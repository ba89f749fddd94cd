import type { FilterParser, FilterParsers } from "../resource/filter_parsers.ts";
import type { HttpFilterType } from "./http_filter.ts";

/**
 * The parsers of a set of filters, keyed by the message names of their configurations: what `resource/` is given, so
 * that it knows no filter by itself.
 *
 * @param filters HTTP filters that are supported.
 * @param skip Names of filters the user goes without.
 */
export function filterParsers(filters: readonly HttpFilterType[], skip: ReadonlySet<string>): FilterParsers {
  const http = new Map<string, FilterParser>();
  const perRoute = new Map<string, FilterParser>();
  for (const filter of filters) {
    for (const type of filter.configTypes) http.set(type, { parse: (bytes, form) => filter.parse(bytes, form) });
    const route = filter.perRoute;
    for (const type of route?.configTypes ?? []) perRoute.set(type, { parse: (bytes) => route!.parse(bytes) });
  }
  return { http, perRoute, network: NETWORK_STATISTICS, skip };
}

/** Network filters whose work is done elsewhere: statistics in the HTTP stack, the peer exchange with TCP. */
const NETWORK_STATISTICS: ReadonlyMap<string, FilterParser> = new Map(
  ["stats.PluginConfig", "envoy.tcp.metadataexchange.config.MetadataExchange"].map((name) => [
    name,
    { parse: () => Object.freeze({}) },
  ]),
);
