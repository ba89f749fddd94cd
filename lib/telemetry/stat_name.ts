import type { Labels } from "./metric_registry.ts";

/** A statistic as Prometheus shows it. */
export interface StatName {
  /** Its name without tags; `null` where Prometheus cannot show it. */
  readonly name: string | null;
  readonly labels: Labels;
}

/**
 * Rules by which a sidecar of Istio takes tags out of names of statistics (`stats_tags` of its bootstrap): what matches
 * the first group is cut out of the name, the second is the value. Those for names that no module can have (`^cluster.`
 * and the like) are left out.
 */
const RULES: readonly (readonly [tag: string, pattern: RegExp])[] = [
  ["response_code", /_rq(_(\d{3}))$/],
  ["response_code_class", /_rq(_(\dxx))$/],
  ["cache", /(cache\.(.+?)\.)/],
  ["component", /(component\.(.+?)\.)/],
  ["tag", /(tag\.(.+?);\.)/],
  ["wasm_filter", /(wasm_filter\.(.+?)\.)/],
];

/**
 * Istio's encoding of a tag within a name: `key=.=value;.;`. A sidecar takes out those that `extraStatTags` of its
 * ProxyConfig names; the others stay in the name, where nobody wants them, so that here all of them are taken out.
 */
const ENCODED = /([a-zA-Z_][a-zA-Z0-9_]*)=\.=(.*?);\.;/g;

/**
 * Takes the tags out of the name a Wasm module has given a metric. The rest is shown as it is, without a prefix, as Envoy
 * shows what is under `wasmcustom.`.
 *
 * @param stat The name, for example `reporter=.=source;.;requests_total`.
 */
export function parseStatName(stat: string): StatName {
  const labels: [string, string][] = [];
  let rest = stat.replace(ENCODED, (_, key: string, value: string) => {
    labels.push([key, value]);
    return "";
  });
  for (const [tag, pattern] of RULES) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    labels.push([tag, match[2]!]);
    rest = rest.replace(match[1]!, "");
  }
  const name = rest.replace(/[^a-zA-Z0-9_]/g, "_");
  return { name: /^[a-zA-Z_]/.test(name) ? name : null, labels };
}
