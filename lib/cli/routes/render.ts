import type { RequestExplanation, RequestOutcome, RouteLine } from "./request_explanation.ts";

/** How text is shown: with colours or without. */
export interface RenderStyle {
  /** Whether labels are aligned, for people at a terminal. */
  readonly aligned: boolean;
  readonly color: boolean;
}

type Tone = "good" | "dim" | "bad" | "plain";

/** A fact with its label; further facts of the same label leave it out. */
interface Line {
  readonly label: string;
  readonly text: string;
  readonly tone: Tone;
}

const LABEL_WIDTH = "virtual host".length;
const CODES: Record<Tone, string> = { good: "32", dim: "90", bad: "31", plain: "" };
/** Routes passed over that are shown; a long list is cut in its middle. */
const MAX_ROUTES = 20;

/** The explanation as lines of text. */
export function renderExplanation(explanation: RequestExplanation, style: RenderStyle): string[] {
  const { request } = explanation;
  const out = [clean(`${request.method} ${request.url}`)];
  let label = "";
  for (const line of linesOf(explanation)) {
    const text = clean(line.text);
    const shown = style.color && line.tone !== "plain" ? `\x1b[${CODES[line.tone]}m${text}\x1b[0m` : text;
    const repeated = line.label === label;
    label = line.label;
    out.push(style.aligned ? `${(repeated ? "" : label).padEnd(LABEL_WIDTH)}  ${shown}` : `${label}: ${shown}`);
  }
  return out;
}

/** Parts of the text come from peers: a control character would reach the terminal. */
function clean(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

function* linesOf(explanation: RequestExplanation): Generator<Line> {
  const { addresses, listener, filterChain, outcome, cluster, endpoint, notes, problem } = explanation;
  if (addresses.length > 0) yield line("address", addresses.join(", "));
  if (listener !== null) yield line("listener", `${listener.name}, which ${listener.why}`);
  if (filterChain !== null) {
    const name = filterChain.name === "" ? "" : `${filterChain.name}, `;
    const filters = filterChain.filters.length === 0 ? "" : ` through ${filterChain.filters.join(", ")}`;
    yield line("filter chain", `${name}${filterChain.protocol.toUpperCase()}${filters}`);
  }
  for (const name of explanation.strippedHeaders) {
    yield line("stripped", `header '${name}': only a proxy may set it`, "dim");
  }
  yield* routeLines(explanation);
  if (outcome !== null) yield* outcomeLines(explanation, outcome);
  if (cluster !== null) {
    const { name, type, loadBalancing, endpoints, healthy } = cluster;
    const health = healthy === endpoints ? "healthy" : `${healthy} healthy`;
    const count = endpoints === 0
      ? "no endpoints"
      : endpoints === 1
      ? `1 endpoint, ${health}`
      : `${endpoints} endpoints, ${healthy === endpoints ? "all " : ""}${health}`;
    yield line("cluster", `${name} (${type}, ${loadBalancing}, ${count})`);
  }
  if (endpoint !== null) {
    const { address, hostname, transport, serverName } = endpoint;
    const name = hostname === "" ? "" : ` (${hostname})`;
    yield line("endpoint", `${address}${name}, ${transport}${serverName === "" ? "" : ` to '${serverName}'`}`, "good");
  }
  for (const note of notes) yield line("note", note);
  if (problem !== null) {
    yield line("problem", problem.message, "bad");
    if (problem.hint !== null) yield line("next", problem.hint);
  }
}

function line(label: string, text: string, tone: Tone = "plain"): Line {
  return { label, text, tone };
}

function* routeLines(
  { routeConfiguration, virtualHost, otherDomains, routes, notReached }: RequestExplanation,
): Generator<Line> {
  if (routeConfiguration !== null) yield line("routes", routeConfiguration);
  if (virtualHost !== null) {
    yield line("virtual host", `${virtualHost.name}, by domain '${virtualHost.domain}' (${virtualHost.match})`);
    for (const { virtualHost: name, domain, match } of otherDomains) {
      yield line("virtual host", `not ${name}: its domain '${domain}' (${match}) is less specific`, "dim");
    }
  }
  const total = routes.length + notReached;
  for (const [index, route] of routes.entries()) {
    if (routes.length > MAX_ROUTES && index === MAX_ROUTES / 2) {
      yield line("route", `... ${routes.length - MAX_ROUTES} more that do not match ...`, "dim");
    }
    if (routes.length > MAX_ROUTES && index >= MAX_ROUTES / 2 && index < routes.length - MAX_ROUTES / 2) continue;
    yield line("route", routeText(route, total), route.taken ? "good" : "dim");
  }
}

function routeText({ place, name, conditions, taken, reason }: RouteLine, total: number): string {
  const number = `${String(place).padStart(String(total).length)} of ${total}`;
  const title = name === "" ? "" : ` '${name}'`;
  return taken ? `${number}${title} is taken: ${conditions.join(", ")}` : `${number}${title} is passed over: ${reason}`;
}

function* outcomeLines({ request }: RequestExplanation, outcome: RequestOutcome): Generator<Line> {
  switch (outcome.kind) {
    case "redirect":
      return yield line("answer", `${outcome.status}, redirect to '${outcome.location}'`, "good");
    case "answer": {
      const body = outcome.body === "" ? "" : ` with '${outcome.body}'`;
      return yield line("answer", `${outcome.status}${body}, by the mesh itself`, "good");
    }
    case "tcp":
      return yield* splitLines(outcome);
  }
  yield* splitLines(outcome);
  if (outcome.rewrittenHost !== null) yield line("rewrite", `host '${request.host}' to '${outcome.rewrittenHost}'`);
  if (outcome.rewrittenPath !== null) yield line("rewrite", `path '${request.path}' to '${outcome.rewrittenPath}'`);
  for (const { name, before, after } of outcome.requestHeaders) {
    if (after === null) yield line("request", `header '${name}' is removed`);
    else {yield line(
        "request",
        `header '${name}' is ${before === null ? "added" : `changed from '${before}'`}: '${after}'`,
      );}
  }
  if (outcome.responseHeaders.length > 0) {
    yield line("response", `headers are changed: ${outcome.responseHeaders.map((name) => `'${name}'`).join(", ")}`);
  }
  yield line("timeout", outcome.timeoutMs === 0 ? "none" : milliseconds(outcome.timeoutMs));
  yield line("retries", retriesText(outcome.retries));
  for (const { cluster, percent } of outcome.mirrors) {
    yield line("mirror", `${share(percent)} of requests to ${cluster}`);
  }
}

function* splitLines(outcome: Extract<RequestOutcome, { kind: "forward" | "tcp" }>): Generator<Line> {
  for (const { cluster, percent } of outcome.split) {
    const drawn = cluster === outcome.cluster;
    yield line("split", `${share(percent)} to ${cluster}${drawn ? ", drawn this time" : ""}`, drawn ? "good" : "dim");
  }
}

function retriesText(retries: Extract<RequestOutcome, { kind: "forward" }>["retries"]): string {
  if (retries === null || retries.attempts === 0) return "none";
  const perTry = retries.perTryTimeoutMs === 0 ? "" : `, each attempt ${milliseconds(retries.perTryTimeoutMs)} at most`;
  return `${retries.attempts} on ${retries.on.join(", ")}${perTry}`;
}

function share(percent: number): string {
  return `${Number(percent.toPrecision(4))}%`;
}

function milliseconds(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}
