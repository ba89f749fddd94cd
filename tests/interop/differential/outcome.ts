/** One arrival of a request at a backend. */
export interface Attempt {
  /** Name of the backend. */
  readonly backend: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** Names lower case, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Milliseconds on the clock of the process. */
  readonly at: number;
}

/** What the caller got. */
export interface Answer {
  readonly status: number;
  /** Values of a name that repeats are joined by `, `, except those of `set-cookie`. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Only of requests over HTTP/2. */
  readonly trailers?: readonly (readonly [name: string, value: string])[];
  /** Whether the answer broke off before its end. */
  readonly broken: boolean;
}

/** What became of one request: the answer and every attempt it took. */
export interface Outcome {
  /** `null` where there was no answer at all. */
  readonly answer: Answer | null;
  /** Milliseconds it took. */
  readonly took: number;
  readonly attempts: readonly Attempt[];
}

/** Fields of the framing of one hop: they say nothing about the message. */
const FRAMING = new Set(["connection", "keep-alive", "transfer-encoding"]);

/** The headers of an answer as {@linkcode Answer} has them. */
export function answerHeaders(pairs: Iterable<readonly [string, string]>): [string, string][] {
  const out: [string, string][] = [];
  for (const [given, value] of pairs) {
    const name = given.toLowerCase();
    if (FRAMING.has(name)) continue;
    const former = name === "set-cookie" ? undefined : out.find(([known]) => known === name);
    if (former === undefined) out.push([name, value]);
    else former[1] += `, ${value}`;
  }
  return out;
}
