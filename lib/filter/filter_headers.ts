import { fieldProblem } from "../http/field_problem.ts";
import type { HeaderList } from "../http/header_list.ts";

/**
 * Header fields as a filter sees them: the methods of `Headers`, on the fields themselves. Names are taken in any case.
 * Values are byte strings, as those of `Headers`.
 */
export interface FilterHeaders extends Iterable<[name: string, value: string]> {
  /** All values of that name joined by `, `; `null` for none. */
  get(name: string): string | null;
  /** Each value of `set-cookie`. */
  getSetCookie(): string[];
  /** Whether there is such a field. */
  has(name: string): boolean;
  /** Replaces all fields of that name by one. @throws {TypeError} For what must not be in a message. */
  set(name: string, value: string): void;
  /** Adds a field. @throws {TypeError} For what must not be in a message. */
  append(name: string, value: string): void;
  /** Removes all fields of that name. */
  delete(name: string): void;
}

/** Shows a list of header fields to a filter. */
export class HeadersView implements FilterHeaders {
  readonly #headers: HeaderList;

  constructor(headers: HeaderList) {
    this.#headers = headers;
  }

  get(name: string): string | null {
    const values = this.#headers.getAll(name.toLowerCase());
    return values.length === 0 ? null : values.join(", ");
  }

  getSetCookie(): string[] {
    return this.#headers.getAll("set-cookie");
  }

  has(name: string): boolean {
    return this.#headers.has(name.toLowerCase());
  }

  set(name: string, value: string): void {
    const [field, text] = checked(name, value);
    this.#headers.set(field, text);
  }

  append(name: string, value: string): void {
    const [field, text] = checked(name, value);
    this.#headers.append(field, text);
  }

  delete(name: string): void {
    this.#headers.delete(name.toLowerCase());
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#headers.entries();
  }
}

function checked(name: string, value: string): [string, string] {
  const field = name.toLowerCase();
  const text = String(value).trim();
  if (field === "content-length") {
    throw new TypeError("Cannot set the header: 'content-length' follows the content; use setBody");
  }
  const problem = fieldProblem(field, text);
  if (problem !== null) throw new TypeError(`Cannot set the header: ${problem}`);
  return [field, text];
}
