import type { CaseRequest } from "./case.ts";
import { ACCEPTED_DIFFERENCES, type AcceptedDifference, type Difference, VOLATILE } from "./differences.ts";
import type { Answer, Attempt, Outcome } from "./outcome.ts";
import type { CaseResult } from "./run.ts";

/** What the comparison of a case found. */
export interface Verdict {
  /** Differences that nobody has accepted. */
  readonly unexpected: readonly Difference[];
  readonly accepted: ReadonlySet<AcceptedDifference>;
}

/** Shares of backends are alike when they differ by less than this many standard deviations. */
const SIGMAS = 5;

/** Compares both sides of a case. @param rules Differences that are meant. */
export function compareCase(
  result: CaseResult,
  rules: readonly AcceptedDifference[] = ACCEPTED_DIFFERENCES,
): Verdict {
  const { envoy, enmesh } = result;
  const { name, refused = false } = result.case;
  const unexpected: Difference[] = [];
  const accepted = new Set<AcceptedDifference>();
  const wanted = refused === "alike" ? envoy === null ? "refused" : "accepted" : refused ? "refused" : "accepted";
  for (const [side, found] of [["envoy", envoy], ["enmesh", enmesh]] as const) {
    const state = found === null ? "refused" : "accepted";
    if (state !== wanted) {
      const why = found === null ? `${state}: ${result.refusals[side]}` : state;
      const difference = { name, field: "configuration", envoy: wanted, enmesh: wanted, [side]: why };
      const rule = rules.find((rule) => rule.cases?.test(name) && rule.field.test("configuration"));
      if (rule === undefined) unexpected.push(difference);
      else accepted.add(rule);
    }
  }
  if (envoy === null || enmesh === null) return { unexpected, accepted };
  for (const [index, request] of result.case.requests.entries()) {
    const where = result.case.requests.length === 1
      ? ""
      : `request ${index} (${request.method ?? "GET"} ${request.path ?? "/"}): `;
    for (const [one, other] of pairs(request, envoy[index]!, enmesh[index]!)) {
      for (const found of differences(name, one, other)) {
        const rule = rules.find((rule) =>
          (rule.cases?.test(name) ?? true) && rule.field.test(found.field) && (rule.when?.(found, one, other) ?? true)
        );
        if (rule === undefined) unexpected.push({ ...found, field: where + found.field });
        else accepted.add(rule);
      }
    }
    for (const [side, outcomes] of [["envoy", envoy[index]!], ["enmesh", enmesh[index]!]] as const) {
      const found = times(name, side, request, outcomes);
      unexpected.push(...found.map((it) => ({ ...it, field: where + it.field })));
    }
    if (request.compare === "proportions") {
      unexpected.push(...shares(name, envoy[index]!, enmesh[index]!).map((it) => ({ ...it, field: where + it.field })));
    }
  }
  return { unexpected, accepted };
}

/** Outcomes that must be alike. */
function pairs(
  { compare = "exact", together = false }: CaseRequest,
  envoy: readonly Outcome[],
  enmesh: readonly Outcome[],
): [Outcome, Outcome][] {
  if (together) [envoy, enmesh] = [byStatus(envoy), byStatus(enmesh)];
  if (compare === "exact") return envoy.map((outcome, index) => [outcome, enmesh[index]!]);
  if (compare === "stickiness") {
    const [one, other] = [envoy, enmesh].map(renamed);
    return one!.map((outcome, index) => [outcome, other![index]!]);
  }
  // The first that arrived at each backend, and what was answered to it.
  const firsts = (outcomes: readonly Outcome[]) => {
    const out = new Map<string, Outcome>();
    for (const outcome of outcomes) {
      const key = backendsOf(outcome);
      if (!out.has(key)) out.set(key, outcome);
    }
    return out;
  };
  const others = firsts(enmesh);
  return [...firsts(envoy)].flatMap(([key, outcome]): [Outcome, Outcome][] => {
    const other = others.get(key);
    return other === undefined ? [] : [[outcome, other]];
  });
}

/** In an order that does not depend on who was first. */
function byStatus(outcomes: readonly Outcome[]): Outcome[] {
  return [...outcomes].sort((a, b) => (a.answer?.status ?? 0) - (b.answer?.status ?? 0));
}

/** What took too long, or not long enough, on one side. */
function times(
  name: string,
  side: "envoy" | "enmesh",
  { within, pauses = [] }: CaseRequest,
  outcomes: readonly Outcome[],
): Difference[] {
  const out: Difference[] = [];
  const check = (field: string, ms: number, [least, most]: readonly [number, number]) => {
    const bounds = `${least} to ${most} ms`;
    // Timers count from when the loop last looked at the clock.
    if (ms < least - 10 || ms > most) {
      out.push({ name, field, envoy: bounds, enmesh: bounds, [side]: `${Math.round(ms)} ms` });
    }
  };
  for (const { took, attempts } of outcomes) {
    if (within !== undefined) check("answer after", took, within);
    for (const [index, bounds] of pauses.entries()) {
      const [one, next] = [attempts[index], attempts[index + 1]];
      if (one !== undefined && next !== undefined) check(`pause after attempt ${index}`, next.at - one.at, bounds);
    }
  }
  return out;
}

function backendsOf({ attempts }: Pick<Outcome, "attempts">): string {
  return attempts.map(({ backend }) => backend).join("+");
}

/** Backends named in the order in which they are first met. */
function renamed(outcomes: readonly Outcome[]): Outcome[] {
  const names = new Map<string, string>();
  const rename = (backend: string) => {
    let name = names.get(backend);
    if (name === undefined) names.set(backend, name = `backend${names.size + 1}`);
    return name;
  };
  return outcomes.map(({ answer, attempts, took }) => ({
    took,
    attempts: attempts.map((attempt) => ({ ...attempt, backend: rename(attempt.backend) })),
    answer: answer === null ? null : {
      ...answer,
      body: names.get(answer.body) ?? answer.body,
      headers: answer.headers.map(([name, value]) =>
        [name, name === "x-backend" ? names.get(value) ?? value : value] as const
      ),
    },
  }));
}

function shares(name: string, envoy: readonly Outcome[], enmesh: readonly Outcome[]): Difference[] {
  const counts = [envoy, enmesh].map((outcomes) => {
    const out = new Map<string, number>();
    for (const key of outcomes.map(backendsOf)) out.set(key, (out.get(key) ?? 0) + 1);
    return out;
  });
  const [one, other] = counts as [Map<string, number>, Map<string, number>];
  const total = envoy.length;
  return [...new Set([...one.keys(), ...other.keys()])].flatMap((key): Difference[] => {
    const [a, b] = [one.get(key) ?? 0, other.get(key) ?? 0];
    const share = (a + b) / (2 * total);
    if (Math.abs(a - b) <= SIGMAS * Math.sqrt(2 * total * share * (1 - share))) return [];
    return [{ name, field: `share of ${key}`, envoy: `${a} of ${total}`, enmesh: `${b} of ${total}` }];
  });
}

function differences(name: string, envoy: Outcome, enmesh: Outcome): Difference[] {
  const [one, other] = [envoy, enmesh].map(flatten) as [Map<string, string>, Map<string, string>];
  const out: Difference[] = [];
  const others = one.get("attempts") !== other.get("attempts");
  for (const key of new Set([...one.keys(), ...other.keys()])) {
    // Where the attempts are others altogether, what each was like and what came of it says nothing.
    if (others && /^(?:attempt\b|answer\.header)/.test(key)) continue;
    const [a, b] = [one.get(key) ?? null, other.get(key) ?? null];
    if (a !== b) out.push({ name, field: key, envoy: a, enmesh: b });
  }
  return out;
}

/** Everything about an outcome by the name of its field; values that change with each request in their form only. */
function flatten({ answer, attempts }: Pick<Outcome, "answer" | "attempts">): Map<string, string> {
  const out = new Map<string, string>();
  const put = (field: string, value: string) => {
    const shown = VOLATILE.find((it) => it.field.test(field))?.shown(value) ?? value;
    const former = out.get(field);
    out.set(field, former === undefined ? shown : `${former} | ${shown}`);
  };
  flattenAnswer(answer, put);
  put("attempts", backendsOf({ attempts }) || "none");
  for (const [index, attempt] of attempts.entries()) {
    flattenAttempt(index === 0 ? "attempt" : `attempt[${index}]`, attempt, put);
  }
  return out;
}

function flattenAnswer(answer: Answer | null, put: (field: string, value: string) => void): void {
  if (answer === null) return put("answer", "none");
  put("answer.status", String(answer.status));
  for (const [name, value] of answer.headers) put(`answer.header ${name}`, value);
  put("answer.body", answer.body);
  for (const [name, value] of answer.trailers ?? []) put(`answer.trailer ${name}`, value);
  if (answer.broken) put("answer.broken", "yes");
}

function flattenAttempt(prefix: string, attempt: Attempt, put: (field: string, value: string) => void): void {
  put(`${prefix}.method`, attempt.method);
  put(`${prefix}.path`, attempt.path);
  put(`${prefix}.authority`, attempt.authority);
  for (const [name, value] of attempt.headers) put(`${prefix}.header ${name}`, value);
  put(`${prefix}.body`, attempt.body);
}

/** A difference for people. */
export function describeDifference({ field, envoy, enmesh }: Difference): string {
  const show = (value: string | null) => value === null ? "(none)" : JSON.stringify(value);
  return `  ${field}\n    envoy:  ${show(envoy)}\n    enmesh: ${show(enmesh)}`;
}
