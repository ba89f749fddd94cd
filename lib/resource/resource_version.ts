import type { ParseResult } from "./common.ts";
import { sameBytes } from "./same_bytes.ts";
import type { UpdateStamp } from "./update_stamp.ts";

/** What all versions of one kind of resource have in common. */
export interface VersionKind<T> {
  /** Reads all of it. */
  readonly parse: (bytes: Uint8Array) => ParseResult<T>;
  /**
   * Makes it usable, for kinds whose parts are read when they are used and shared with the version before (`former`);
   * `null` for kinds that are read as a whole.
   */
  readonly expand: ((name: string, bytes: Uint8Array, former: T | null) => ParseResult<T>) | null;
  /** Told once, where bytes that were only checked for form turn out to be invalid. */
  readonly onInvalid: (name: string, errors: readonly string[]) => void;
}

/**
 * One version of one resource: its bytes, and what they expand to on first use. The object keeps its identity for as
 * long as this version is in use.
 */
export class ResourceVersion<T> {
  /** The name it came under. */
  readonly name: string;
  /** As the control plane sent them; never written to. */
  readonly bytes: Uint8Array;
  /** What is not supported in it, for the report at each push that repeats it. */
  readonly unsupported: readonly string[];
  /** The update that brought it. */
  readonly stamp: UpdateStamp;
  readonly #kind: VersionKind<T>;
  #value: T | null | undefined;
  /** The value of the version before, until this one is expanded. */
  #former: T | null;

  /**
   * @param kind How it is expanded.
   * @param name The name it came under.
   * @param bytes They are kept: a view of a whole response would keep that alive.
   * @param unsupported What was found at validation.
   * @param stamp The update that brought it.
   * @param former The version before, whose parts this one shares; `null` where there is none.
   * @param value What they expand to, where it is known already and in use.
   */
  constructor(
    kind: VersionKind<T>,
    name: string,
    bytes: Uint8Array,
    unsupported: readonly string[],
    stamp: UpdateStamp,
    former: ResourceVersion<T> | null,
    value?: T,
  ) {
    this.#former = kind.expand === null || former === null ? null : former.#value ?? former.#former;
    this.#kind = kind;
    this.name = name;
    this.bytes = bytes;
    this.unsupported = unsupported;
    this.stamp = stamp;
    this.#value = value;
  }

  /** Whether somebody has used it. */
  get expanded(): boolean {
    return this.#value !== undefined;
  }

  /** The resource; `null` where its bytes turned out to be invalid, so that whoever needs it fails. */
  get value(): T | null {
    if (this.#value === undefined) {
      const { parse, expand, onInvalid } = this.#kind;
      const result = expand === null ? parse(this.bytes) : expand(this.name, this.bytes, this.#former);
      this.#former = null;
      this.#value = result.ok ? result.value : null;
      if (!result.ok) onInvalid(this.name, result.errors);
    }
    return this.#value;
  }

  /** The resource as {@linkcode value} gives it, without keeping what was expanded for it: for admin pages. */
  peek(): T | null {
    if (this.#value !== undefined) return this.#value;
    const result = this.#kind.parse(this.bytes);
    return result.ok ? result.value : null;
  }

  /** Whether these are the same bytes. */
  has(bytes: Uint8Array): boolean {
    return sameBytes(this.bytes, bytes);
  }
}
