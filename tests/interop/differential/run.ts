import { until } from "../../support/until.ts";
import { Backends, ID_HEADER, MIRROR_SCRIPT_HEADER, SCRIPT_HEADER } from "./backends.ts";
import type { CaseRequest, DifferentialCase } from "./case.ts";
import { startEnmeshSide } from "./enmesh_side.ts";
import { startEnvoySide } from "./envoy_side.ts";
import type { Answer, Outcome } from "./outcome.ts";
import type { SentRequest, Side } from "./side.ts";

/** What became of the requests of one case on one side: by request, by repetition. */
export type SideResult = readonly (readonly Outcome[])[];

/** Both sides of one case. */
export interface CaseResult {
  readonly case: DifferentialCase;
  /** `null` where the configuration was refused. */
  readonly envoy: SideResult | null;
  readonly enmesh: SideResult | null;
  /** Why the configuration was refused; empty where it was not. */
  readonly refusals: { readonly envoy: string; readonly enmesh: string };
}

type Answered = Pick<Outcome, "answer" | "took">;

/** Cases under way at a time. */
const CONCURRENCY = 16;

/** Runs cases on one Envoy and one mesh with the same backends. */
export async function runCases(cases: readonly DifferentialCase[]): Promise<CaseResult[]> {
  const clusters = cases.flatMap((it) => it.clusters ?? []).map((it) => it.name);
  const twice = clusters.find((name, index) => clusters.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`Cannot run the cases: two of them have a cluster '${twice}'`);
  await using backends = await Backends.start();
  await using envoy = await startEnvoySide(cases, backends.ports);
  await using enmesh = await startEnmeshSide(cases, backends.ports);
  const sides = [envoy, enmesh] as const;
  const answers = await Promise.all(sides.map(() => new Array<Answered[][] | null>(cases.length).fill(null)));
  const left = cases.map((_, index) => index).reverse();
  const work = async () => {
    for (let index = left.pop(); index !== undefined; index = left.pop()) {
      for (const [at, side] of sides.entries()) answers[at]![index] = await runOn(side, index, cases[index]!);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  const result = (side: Side, index: number): SideResult | null =>
    answers[side === envoy ? 0 : 1]![index]?.map((repetitions, request) =>
      repetitions.map((answered, repetition) => ({
        ...answered,
        attempts: backends.attempts(requestId(side, index, request, repetition)),
      }))
    ) ?? null;
  // Mirrored requests arrive when they arrive; where they differ for good, this wait ends and the comparison tells.
  const count = (side: Side, index: number) =>
    result(side, index)?.flat().map(({ attempts }) => attempts.length).join() ?? "";
  await until("mirrors have arrived", () => cases.every((_, i) => count(envoy, i) === count(enmesh, i)), 1000)
    .catch(() => {});
  return cases.map((it, index) => ({
    case: it,
    envoy: result(envoy, index),
    enmesh: result(enmesh, index),
    refusals: { envoy: envoy.refusal(index), enmesh: enmesh.refusal(index) },
  }));
}

function requestId(side: Side, index: number, request: number, repetition: number): string {
  return `${side.letter}${index}.${request}.${repetition}`;
}

async function runOn(side: Side, index: number, it: DifferentialCase): Promise<Answered[][] | null> {
  const port = side.port(index);
  if (port === null) return null;
  const jar = new Map<string, string>();
  const out: Answered[][] = [];
  for (const [at, request] of it.requests.entries()) {
    const send = async (repetition: number) => {
      const id = requestId(side, index, at, repetition);
      const start = performance.now();
      const answer = await side.send(index, sentRequest(request, id, port, jar));
      const took = performance.now() - start;
      for (const [name, value] of answer?.headers ?? []) {
        const cookie = name === "set-cookie" ? /^([^=]+)=([^;]*)/.exec(value) : null;
        if (cookie !== null) jar.set(cookie[1]!, cookie[2]!);
      }
      return { answer: answer === null ? null : withoutPort(answer, port), took };
    };
    const { times = 1, together = false } = request;
    if (together) {
      out.push(await Promise.all(Array.from({ length: times }, (_, repetition) => send(repetition))));
      continue;
    }
    const repetitions: Answered[] = [];
    while (repetitions.length < times) repetitions.push(await send(repetitions.length));
    out.push(repetitions);
  }
  return out;
}

function sentRequest(request: CaseRequest, id: string, port: number, jar: ReadonlyMap<string, string>): SentRequest {
  const { method = "GET", authority = "test.example", path = "/", headers = [], body = null, script, mirrorScript } =
    request;
  const cookies = request.cookies === true && jar.size > 0
    ? [["cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; ")]] as const
    : [];
  const own = new Set(headers.map(([name]) => name));
  return {
    method,
    authority: authority.replace("{port}", String(port)),
    path,
    headers: [
      ...headers,
      ...cookies,
      // What fetch would add by itself, said by both sides.
      ...DEFAULT_HEADERS.filter(([name]) => !own.has(name)),
      ...(body !== null && !own.has("content-type") ? [["content-type", "text/plain"]] as const : []),
      [ID_HEADER, id],
      ...(script === undefined ? [] : [[SCRIPT_HEADER, script.join(";")]] as const),
      ...(mirrorScript === undefined ? [] : [[MIRROR_SCRIPT_HEADER, mirrorScript]] as const),
    ],
    body,
    http2: request.http2 ?? false,
    webSocket: request.webSocket ?? null,
  };
}

const DEFAULT_HEADERS = [
  ["accept", "*/*"],
  ["accept-language", "*"],
  ["user-agent", "differential"],
  ["accept-encoding", "identity"],
] as const;

/** The two sides listen at different ports, which redirects and the like may show. */
function withoutPort(answer: Answer, port: number): Answer {
  const neutral = (text: string) => text.replaceAll(`:${port}`, ":{port}");
  return { ...answer, headers: answer.headers.map(([name, value]) => [name, neutral(value)] as const) };
}
