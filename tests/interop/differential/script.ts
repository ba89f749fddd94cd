/** What a backend does at one attempt, see `CaseRequest.script`. */
export interface ScriptStep {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Trailers, of the HTTP/2 backend only. */
  readonly trailers: readonly string[];
  /** Content in chunks, in place of the backend's name. */
  readonly chunks: readonly string[];
  readonly delayMs: number;
  readonly ending: "whole" | "empty" | "cut" | "reset";
}

/** Reads one attempt of a script. @throws {Error} For a word that means nothing. */
export function parseStep(text: string): ScriptStep {
  let status = 200;
  let delayMs = 0;
  let ending: ScriptStep["ending"] = "whole";
  const chunks: string[] = [];
  const headers: [string, string][] = [];
  const trailers: string[] = [];
  for (const word of text.split(" ")) {
    const equals = word.indexOf("=");
    const [name, value] = [word.slice(0, equals), word.slice(equals + 1)];
    if (word.startsWith("trailer:")) trailers.push(name.slice("trailer:".length), value);
    else if (word.startsWith("chunk:")) chunks.push(word.slice("chunk:".length));
    else if (equals > 0) headers.push([name, value]);
    else if (word === "empty" || word === "cut" || word === "reset") ending = word;
    else if (word.startsWith("delay:")) delayMs = Number(word.slice("delay:".length));
    else if (/^\d{3}$/.test(word)) status = Number(word);
    else throw new Error(`Cannot do '${word}' of script '${text}': see CaseRequest.script`);
  }
  return { status, headers, trailers, chunks, delayMs, ending };
}

/** Waits as the step says, or until it is of no use any more. */
export function delay({ delayMs }: ScriptStep, signal: AbortSignal): Promise<void> | null {
  if (delayMs === 0) return null;
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal.addEventListener("abort", done);
  });
}
