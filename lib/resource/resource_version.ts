import type { ParseResult } from "./common.ts";

/**
 * One version of one resource: its bytes, and what they expand to on first use. The object keeps its identity for as
 * long as this version is in use.
 */
export class ResourceVersion<T> {
  /** As the control plane sent them, in memory of their own. */
  readonly bytes: Uint8Array;
  /** What is not supported in it, for the report at each push that repeats it. */
  readonly unsupported: readonly string[];
  readonly #parse: (bytes: Uint8Array) => ParseResult<T>;
  readonly #onInvalid: (errors: readonly string[]) => void;
  #value: T | null | undefined;

  /**
   * @param bytes They are copied: a view would keep the whole response they came in alive.
   * @param unsupported What was found at validation.
   * @param parse Expands the bytes.
   * @param onInvalid Told once, where bytes that were only checked for form turn out to be invalid.
   * @param value What they expand to, where it is known already and in use.
   */
  constructor(
    bytes: Uint8Array,
    unsupported: readonly string[],
    parse: (bytes: Uint8Array) => ParseResult<T>,
    onInvalid: (errors: readonly string[]) => void,
    value?: T,
  ) {
    this.bytes = new Uint8Array(bytes);
    this.unsupported = unsupported;
    this.#parse = parse;
    this.#onInvalid = onInvalid;
    this.#value = value;
  }

  /** Whether somebody has used it. */
  get expanded(): boolean {
    return this.#value !== undefined;
  }

  /** The resource; `null` where its bytes turned out to be invalid, so that whoever needs it fails. */
  get value(): T | null {
    if (this.#value === undefined) {
      const result = this.#parse(this.bytes);
      this.#value = result.ok ? result.value : null;
      if (!result.ok) this.#onInvalid(result.errors);
    }
    return this.#value;
  }

  /** Whether these are the same bytes. */
  has(bytes: Uint8Array): boolean {
    const own = this.bytes;
    if (own.length !== bytes.length) return false;
    for (let index = 0; index < own.length; index++) {
      if (own[index] !== bytes[index]) return false;
    }
    return true;
  }
}
