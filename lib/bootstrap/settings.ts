import type { Problem } from "../errors.ts";

/** A value somebody gave, with where it was found. Absent and empty values count as not given. */
export interface Candidate {
  readonly value: unknown;
  /** For example `option 'trustDomain'` or `variable 'TRUST_DOMAIN'`. */
  readonly origin: string;
}

/**
 * Chooses settings by precedence and collects everything that is wrong with them, so that one start reports all of it.
 */
export class Settings {
  readonly problems: Problem[] = [];
  /** Where each setting came from, for `enmesh doctor`. */
  readonly origins = new Map<string, string>();
  readonly #rejected = new Set<string>();
  #denied = 0;

  /**
   * The first candidate given, read. A bad value is a problem; the setting then counts as not given.
   *
   * @param name The setting.
   * @param candidates Highest precedence first.
   * @param read Throws a TypeError that says what was expected.
   */
  choose<T>(name: string, candidates: readonly Candidate[], read: (value: unknown) => T): T | undefined {
    for (const { value, origin } of candidates) {
      if (value === undefined || value === null || value === "") continue;
      try {
        const result = read(value);
        this.origins.set(name, origin);
        return result;
      } catch (error) {
        this.#rejected.add(name);
        this.report(origin, `Cannot use it as ${name}: ${reason(error)}`);
        return undefined;
      }
    }
    return undefined;
  }

  /** Like {@linkcode Settings.choose}, with a default for what is not given. */
  chooseOr<T>(name: string, candidates: readonly Candidate[], read: (value: unknown) => T, fallback: T): T {
    const chosen = this.choose(name, candidates, read);
    if (chosen === undefined && !this.origins.has(name)) this.origins.set(name, "default");
    return chosen ?? fallback;
  }

  /** Whether a value was given for the setting and could not be used. */
  rejected(name: string): boolean {
    return this.#rejected.has(name);
  }

  /** Whether there are problems and all of them are permissions. */
  get onlyDenied(): boolean {
    return this.#denied > 0 && this.#denied === this.problems.length;
  }

  /** Notes a permission that is missing, with the flag that grants it. */
  deny(subject: string, message: string, flag: string): void {
    this.#denied++;
    this.report(subject, message, `Run with ${flag}`);
  }

  /** Notes a problem. */
  report(subject: string, message: string, hint?: string): void {
    this.problems.push({ subject, message, ...(hint === undefined ? {} : { hint }) });
  }
}

/** A candidate from the options. */
export function fromOption(name: string, value: unknown): Candidate {
  return { value, origin: `option '${name}'` };
}

/** The message of an error as a part of a sentence. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.charAt(0).toLowerCase() + message.slice(1);
}
