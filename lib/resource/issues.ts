import type { ParseResult, Unsupported } from "./common.ts";

/** More errors than this in one resource are counted, not listed: a hostile resource may not make us write novels. */
const MAX_ERRORS = 100;
const MAX_VALUE_LENGTH = 200;
const MAX_MESSAGE_LENGTH = 1_000;

/** Collects everything that is wrong with, or not supported in, one resource while it is read. */
export class Issues {
  readonly #errors: string[] = [];
  readonly #unsupported: Unsupported[] = [];
  #more = 0;

  /** Every error so far. */
  get errors(): readonly string[] {
    return this.#more === 0 ? this.#errors : [...this.#errors, `There are ${this.#more} more errors`];
  }

  /** Everything unsupported so far. */
  get unsupported(): readonly Unsupported[] {
    return this.#unsupported;
  }

  /**
   * Notes that a field cannot be used.
   *
   * @param path The field, in Envoy's names, from the root of the resource.
   * @param reason What is wrong with it: "it must be ...", "it is ...".
   * @param value What it holds, for the message.
   */
  invalid(path: string, reason: string, value?: unknown): void {
    if (this.#errors.length >= MAX_ERRORS) {
      this.#more++;
      return;
    }
    const current = value === undefined ? "" : `, current value is '${quote(value)}'`;
    this.#errors.push(printable(`Cannot use '${path}': ${reason}${current}`));
  }

  /** Notes that a field is well-formed and not supported. */
  unsupport(path: string, what: string): void {
    if (this.#unsupported.length < MAX_ERRORS) this.#unsupported.push({ path: printable(path), what: quote(what) });
  }

  /** The outcome: the value where nothing was wrong. */
  result<T>(value: T): ParseResult<T> {
    return this.#errors.length > 0
      ? { ok: false, errors: this.errors }
      : { ok: true, value, unsupported: this.#unsupported };
  }
}

/** The value as text, short. */
function quote(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return printable(text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}...` : text);
}

/** The text without what could forge a log line, and with an end: names and patterns in it come from outside. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are exactly what must not reach a log.
  return text.slice(0, MAX_MESSAGE_LENGTH).replace(/[\x00-\x1f\x7f]/g, "?");
}

/** What was thrown, as one line. */
export function reasonOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}
