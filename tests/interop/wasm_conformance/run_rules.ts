import { Buffer } from "node:buffer";
import { MeshError } from "../../../lib/errors.ts";
import { until } from "../../support/until.ts";
import { Backends, ID_HEADER, SCRIPT_HEADER } from "../differential/backends.ts";
import type { CaseRequest, DifferentialCase, JsonObject } from "../differential/case.ts";
import { startEnmeshSide } from "../differential/enmesh_side.ts";
import { startEnvoySide } from "../differential/envoy_side.ts";
import type { Outcome } from "../differential/outcome.ts";
import type { CaseResult, SideResult } from "../differential/run.ts";
import { PATIENCE_MS, type Side } from "../differential/side.ts";
import type { WasmRule } from "./rule.ts";

/** Both sides of a rule: what was on the wire, and what the module has logged, line by line. */
export interface RuleResult extends CaseResult {
  readonly traces: { readonly envoy: readonly string[]; readonly enmesh: readonly string[] };
}

const TYPES = "type.googleapis.com/envoy.extensions.filters.http";
const CONCURRENCY = 8;
/** After this time a side has hung: both give up by themselves before. */
const HANG_MS = 2 * PATIENCE_MS;
const QUIET_MS = 100;
/** How long a trace may take to end, in milliseconds. */
const TRACE_MS = 2_000;

/** Runs rules on one Envoy and one mesh. */
export async function runRules(rules: readonly WasmRule[]): Promise<RuleResult[]> {
  const cases = rules.map(caseOf);
  const sides: Side[] = [];
  const gates: Gates = { waiting: new Set(), open: false };
  // A chunk of a response may go when the module has seen the one before.
  const gate = (id: string, chunk: number) => {
    const side = sides.find(({ letter }) => letter === id[0])!;
    return gateOf(side, Number(id.slice(1).split(".")[0]), "response_body", gates)(chunk);
  };
  await using backends = await Backends.start(gate);
  await using envoy = await startEnvoySide(cases, backends.ports);
  await using enmesh = await startEnmeshSide(cases, backends.ports);
  sides.push(envoy, enmesh);
  const results: RuleResult[] = [];
  const left = rules.map((_, index) => index).reverse();
  const work = async () => {
    for (let index = left.pop(); index !== undefined; index = left.pop()) {
      const [one, other] = [
        await runOn(envoy, index, rules[index]!, backends, gates),
        await runOn(enmesh, index, rules[index]!, backends, gates),
      ];
      results[index] = {
        case: cases[index]!,
        envoy: one.outcomes,
        enmesh: other.outcomes,
        refusals: { envoy: envoy.refusal(index), enmesh: enmesh.refusal(index) },
        traces: { envoy: one.hung, enmesh: other.hung },
      };
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  // Whoever still waits to send is not heard any more.
  gates.open = true;
  await Promise.all(gates.waiting);
  await quiet(envoy);
  return results.map((result, index) => ({
    ...result,
    traces: {
      envoy: [...traceOf(envoy, index), ...result.traces.envoy],
      enmesh: [...traceOf(enmesh, index), ...result.traces.enmesh],
    },
  }));
}

function caseOf(rule: WasmRule, index: number): DifferentialCase {
  const filter = (it: WasmRule["modules"][number], at: number): JsonObject => ({
    name: `wasm${at}`,
    typed_config: {
      "@type": `${TYPES}.wasm.v3.Wasm`,
      config: {
        name: `rule-${index}-`,
        ...it.plugin,
        vm_config: {
          vm_id: `vm-${index}-${at}`,
          runtime: "envoy.wasm.runtime.v8",
          code: { local: { inline_bytes: Buffer.from(it.bytes).toString("base64") } },
          ...it.vm,
        },
      },
    },
  });
  return {
    name: rule.name,
    routes: [{ match: { prefix: "/" }, name: "route", route: { cluster: rule.backend } }],
    httpFilters: rule.modules.map(filter),
    manager: rule.manager,
    requests: rule.requests,
  };
}

async function runOn(
  side: Side,
  index: number,
  rule: WasmRule,
  backends: Backends,
  gates: Gates,
): Promise<{ outcomes: SideResult | null; hung: readonly string[] }> {
  const port = side.port(index);
  if (port === null) return { outcomes: null, hung: [] };
  const outcomes: Outcome[][] = [];
  const hung: string[] = [];
  for (const [at, request] of rule.requests.entries()) {
    const id = `${side.letter}${index}.${at}.0`;
    if (at > 0 && rule.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, rule.pauseMs));
    const sent = side.send(index, sentRequest(request, id, gateOf(side, index, "request_body", gates))).catch(
      (error) => {
        // A stream that a module closes has no answer.
        if (error instanceof MeshError) return null;
        throw error;
      },
    );
    const answer = await within(HANG_MS, sent);
    if (answer === undefined) hung.push(`Hangs at request ${at}, and cannot be given up`);
    const over = () => traceOf(side, index).filter((line) => rule.lastLine.test(line)).length;
    const wanted = Math.min((at + 1) * rule.modules.length, rule.lastLines);
    // Where the last line never comes the comparison tells.
    await until("the trace has ended", () => over() >= wanted, TRACE_MS).catch(() => {});
    outcomes.push([{ answer: answer ?? null, attempts: backends.attempts(id), took: 0 }]);
  }
  return { outcomes, hung };
}

/** Waits until nothing has been logged for a while: lines of another process come when they come. */
async function quiet(side: Side): Promise<void> {
  for (let before = -1; before !== side.log().length;) {
    before = side.log().length;
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  }
}

/** What the modules of a rule have logged. Envoy names the plugin before lines of streams, the VM before those of roots. */
function traceOf(side: Side, index: number): string[] {
  const found = side.log().matchAll(
    new RegExp(`wasm log (?:rule-${index}-|[^:\\n]*\\bvm-${index}-)[^:\\n]*: (.*)`, "g"),
  );
  return [...found].map((it) => it[1]!);
}

/** Chunks that wait until the module has seen those before. */
interface Gates {
  readonly waiting: Set<Promise<void>>;
  /** Whether nothing waits any more. */
  open: boolean;
}

/** Lets a chunk pass when as many callbacks have been traced as there were chunks before it. */
function gateOf(side: Side, index: number, callback: string, gates: Gates): (chunk: number) => Promise<void> {
  let before: number | null = null;
  const seen = () => traceOf(side, index).filter((line) => line.startsWith(callback)).length;
  return async (chunk) => {
    before ??= seen();
    const first = before;
    const passed = until("the chunk before was seen", () => gates.open || seen() - first >= chunk, TRACE_MS)
      .catch(() => {});
    gates.waiting.add(passed);
    await passed;
    gates.waiting.delete(passed);
  };
}

function sentRequest(request: CaseRequest, id: string, gate: (chunk: number) => Promise<void>) {
  const { method = "GET", authority = "test.example", path = "/", headers = [], body = null, script } = request;
  const own = new Set(headers.map(([name]) => name));
  const defaults: readonly (readonly [string, string])[] = [
    ["accept", "*/*"],
    ["accept-language", "*"],
    ["user-agent", "differential"],
    ["accept-encoding", "identity"],
    ...(body !== null || request.chunks !== undefined ? [["content-type", "text/plain"]] as const : []),
  ];
  return {
    method,
    authority,
    path,
    headers: [
      ...headers,
      ...defaults.filter(([name]) => !own.has(name)),
      [ID_HEADER, id] as const,
      ...(script === undefined ? [] : [[SCRIPT_HEADER, script.join(";")] as const]),
    ],
    body,
    gate,
    http2: false,
    webSocket: null,
    ...(request.chunks === undefined ? {} : { chunks: request.chunks }),
    ...(request.trailers === undefined ? {} : { trailers: request.trailers }),
  };
}

/** What a promise comes to; `undefined` where that takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), ms));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer!);
  }
}
