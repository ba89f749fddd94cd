import { compileRegex, type Regex } from "../matcher/regex.ts";
import { EXPOSITION_CONTENT_TYPE } from "../telemetry/exposition.ts";
import type { AdminView, StatView } from "./admin_view.ts";
import { jsonText, textResponse } from "./text_response.ts";

const USAGE = "usage: /stats?format=(json|prometheus|text)\n\n";

/**
 * The answer of `/stats`: Envoy's names for what Envoy counts too, and Istio's metrics under their own. `filter` is an
 * RE2 pattern that is found somewhere in the name, `usedonly` leaves zeros out, `format` is `text`, `json` or
 * `prometheus`.
 */
export function statsAnswer(view: AdminView, query: URLSearchParams): Response {
  const filter = readFilter(query);
  if (typeof filter === "string") return textResponse(filter, 400);
  switch (query.get("format") ?? "text") {
    case "text":
      return textResponse(collect(view, query, filter).map(({ name, value }) => `${name}: ${value}\n`).join(""));
    case "json":
      return jsonText(JSON.stringify({ stats: collect(view, query, filter) }));
    case "prometheus":
      return prometheusAnswer(view, query);
    default:
      return textResponse(USAGE, 400);
  }
}

/** The answer of `/stats/prometheus`, with the same `filter` and `usedonly`, on names of families. */
export function prometheusAnswer(view: AdminView, query: URLSearchParams): Response {
  const filter = readFilter(query);
  if (typeof filter === "string") return textResponse(filter, 400);
  const text = filter === null && !query.has("usedonly") ? view.metrics() : families(view.metrics(), query, filter);
  return new Response(text, { headers: { "content-type": EXPOSITION_CONTENT_TYPE } });
}

function readFilter(query: URLSearchParams): Regex | null | string {
  const pattern = query.get("filter") ?? "";
  if (pattern === "") return null;
  try {
    // A filter is searched for; compiled patterns match the whole of a value.
    return compileRegex(`(?s:.*)(?:${pattern})(?s:.*)`);
  } catch (error) {
    return `Invalid re2 regex: ${(error as Error).message}\n`;
  }
}

function collect(view: AdminView, query: URLSearchParams, filter: Regex | null): StatView[] {
  const usedOnly = query.has("usedonly");
  return [...view.stats(), ...samples(view.metrics())]
    .filter(({ name, value }) => (!usedOnly || value !== 0) && (filter === null || filter.matches(name)))
    .sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

function* samples(exposition: string): Generator<StatView> {
  for (const line of exposition.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const space = line.lastIndexOf(" ");
    yield { name: line.slice(0, space).replace(/\{\}$/, ""), value: Number(line.slice(space + 1)) };
  }
}

/** Whole families of the exposition: a type line and its samples. */
function families(exposition: string, query: URLSearchParams, filter: Regex | null): string {
  let out = "";
  for (const block of exposition.split(/^(?=# TYPE )/m)) {
    const [head, ...lines] = block.split("\n");
    const name = head!.split(" ")[2] ?? "";
    if (filter !== null && !filter.matches(name)) continue;
    const kept = query.has("usedonly") ? lines.filter((line) => line !== "" && !/ 0$/.test(line)) : lines.slice(0, -1);
    if (kept.length > 0) out += `${head}\n${kept.join("\n")}\n`;
  }
  return out;
}
