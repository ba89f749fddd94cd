import type { HeaderList } from "../../http/header_list.ts";
import { GUEST_LIMITS } from "../guest_limits.ts";
import type { HeaderMap } from "../header_map.ts";
import { isFieldName, isFieldValue } from "./field_syntax.ts";

/** Fields without pseudo-headers: trailers, and the metadata of calls. */
export class TrailerMap implements HeaderMap {
  readonly writable: boolean;
  readonly #fields: HeaderList;

  /**
   * @param fields The fields.
   * @param writable Whether they may be changed.
   */
  constructor(fields: HeaderList, writable: boolean) {
    this.#fields = fields;
    this.writable = writable;
  }

  get(name: string): string | undefined {
    return this.#fields.get(name);
  }

  set(name: string, value: string): boolean {
    if (!isFieldName(name) || !isFieldValue(value)) return false;
    if (this.#fields.size >= GUEST_LIMITS.headerFields && !this.#fields.has(name)) return false;
    this.#fields.set(name, value);
    return true;
  }

  add(name: string, value: string): boolean {
    if (!isFieldName(name) || !isFieldValue(value)) return false;
    if (this.#fields.size >= GUEST_LIMITS.headerFields) return false;
    this.#fields.append(name, value);
    return true;
  }

  remove(name: string): void {
    this.#fields.delete(name);
  }

  pairs(): readonly string[] {
    return this.#fields.pairs;
  }

  replace(pairs: readonly string[]): boolean {
    const fields: string[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const name = pairs[i]!.toLowerCase();
      const value = pairs[i + 1]!;
      if (!isFieldName(name) || !isFieldValue(value)) return false;
      fields.push(name, value);
    }
    this.#fields.pairs.splice(0, Infinity, ...fields);
    return true;
  }
}
