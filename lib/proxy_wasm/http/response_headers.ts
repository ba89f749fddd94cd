import type { HttpResponse } from "../../http/message.ts";
import { GUEST_LIMITS } from "../guest_limits.ts";
import type { HeaderMap } from "../header_map.ts";
import { isFieldName, isFieldValue } from "./field_syntax.ts";

/** Pseudo-headers a module sees of a response. */
export const RESPONSE_PSEUDO_HEADERS = 1;

/** The headers of a response with `:status`, which is a field of the response itself. */
export class ResponseHeaders implements HeaderMap {
  writable = true;
  readonly #response: HttpResponse;

  /** @param response The response. */
  constructor(response: HttpResponse) {
    this.#response = response;
  }

  get(name: string): string | undefined {
    return name === ":status" ? String(this.#response.status) : this.#response.headers.get(name);
  }

  set(name: string, value: string): boolean {
    if (name === ":status") {
      if (!/^[2-9][0-9]{2}$/.test(value)) return false;
      this.#response.status = Number(value);
      return true;
    }
    if (!isFieldName(name) || !isFieldValue(value)) return false;
    if (this.#response.headers.size >= GUEST_LIMITS.headerFields && !this.#response.headers.has(name)) return false;
    this.#response.headers.set(name, value);
    return true;
  }

  add(name: string, value: string): boolean {
    if (!isFieldName(name) || !isFieldValue(value)) return false;
    if (this.#response.headers.size >= GUEST_LIMITS.headerFields) return false;
    this.#response.headers.append(name, value);
    return true;
  }

  remove(name: string): void {
    this.#response.headers.delete(name);
  }

  pairs(): readonly string[] {
    return [":status", String(this.#response.status), ...this.#response.headers.pairs];
  }

  replace(pairs: readonly string[]): boolean {
    const { headers } = this.#response;
    const old = headers.pairs.splice(0);
    for (let i = 0; i < pairs.length; i += 2) {
      const name = pairs[i]!.toLowerCase();
      if (name === ":status" ? this.set(name, pairs[i + 1]!) : this.add(name, pairs[i + 1]!)) continue;
      headers.pairs.splice(0, Infinity, ...old);
      return false;
    }
    return true;
  }
}
