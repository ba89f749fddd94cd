import type { Labels } from "./metric_registry.ts";

/** A statistic as Prometheus shows it. */
export interface StatName {
  /** Its name without tags; `null` where Prometheus cannot show it. */
  readonly name: string | null;
  readonly labels: Labels;
}

/**
 * Tags that a sidecar of Istio takes out of any name (`stats_tags` of its bootstrap), with what stands before and behind
 * the value. Those of names no module can give (`^cluster.` and the like) are left out.
 */
const ENCLOSED: readonly (readonly [tag: string, before: string, behind: string])[] = [
  ["cache", "cache.", "."],
  ["component", "component.", "."],
  ["tag", "tag.", ";."],
  ["wasm_filter", "wasm_filter.", "."],
];
/** Tags at the end of a name. */
const AT_END: readonly (readonly [tag: string, pattern: RegExp])[] = [
  ["response_code", /_rq(_(\d{3}))$/],
  ["response_code_class", /_rq(_(\dxx))$/],
];
/** Labels that Prometheus' format has a use of its own for. */
const RESERVED = /^(le|quantile|__.*)$/;
const KEY = /[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Longer keys stay in the name. */
const MAX_KEY = 128;

/**
 * Takes the tags out of the name a Wasm module has given a metric: those of Istio's encoding, `key=.=value;.;`, and those
 * Istio finds in any name. The rest is shown as it is, without a prefix, as Envoy shows what is under `wasmcustom.`.
 *
 * A sidecar takes out what `extraStatTags` of its ProxyConfig names; other tags stay in the name, where nobody wants them,
 * so that here all of them are taken out. A tag that occurs again stays in the name, as in Envoy: Prometheus refuses a
 * page with a label that is there twice.
 *
 * @param stat The name, for example `reporter=.=source;.;requests_total`. The time this takes grows with its length only,
 * for names are the module's.
 */
export function parseStatName(stat: string): StatName {
  const labels = new Map<string, string>();
  let rest = takeEncoded(stat, labels);
  for (const [tag, before, behind] of ENCLOSED) {
    const start = rest.indexOf(before);
    // A value has a character at least.
    const end = start < 0 ? -1 : rest.indexOf(behind, start + before.length + 1);
    if (end < 0 || labels.has(tag)) continue;
    labels.set(tag, rest.slice(start + before.length, end));
    rest = rest.slice(0, start) + rest.slice(end + behind.length);
  }
  for (const [tag, pattern] of AT_END) {
    const match = pattern.exec(rest.slice(-7));
    if (match === null || labels.has(tag)) continue;
    labels.set(tag, match[2]!);
    rest = rest.slice(0, -match[1]!.length);
  }
  const name = rest.replace(/[^a-zA-Z0-9_]/g, "_");
  return { name: /^[a-zA-Z_]/.test(name) ? name : null, labels: [...labels] };
}

/** Takes out tags of Istio's encoding; returns what is left. */
function takeEncoded(stat: string, labels: Map<string, string>): string {
  let rest = "";
  let from = 0;
  for (;;) {
    const equals = stat.indexOf("=.=", from);
    const end = equals < 0 ? -1 : stat.indexOf(";.;", equals + 3);
    if (end < 0) return rest + stat.slice(from);
    const key = KEY.exec(stat.slice(Math.max(from, equals - MAX_KEY), equals))?.[0] ?? "";
    const taken = key !== "" && !labels.has(key) && !RESERVED.test(key);
    if (taken) labels.set(key, stat.slice(equals + 3, end));
    rest += stat.slice(from, taken ? equals - key.length : end + 3);
    from = end + 3;
  }
}
