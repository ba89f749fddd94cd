import type { HttpRequest } from "../../http/message.ts";
import { pseudoHeader } from "../../http/pseudo_header.ts";
import { GUEST_LIMITS } from "../guest_limits.ts";
import type { HeaderMap } from "../header_map.ts";
import { isFieldName, isFieldValue, isTarget } from "./field_syntax.ts";

/** Pseudo-headers a module sees of a request. */
export const REQUEST_PSEUDO_HEADERS = 4;

/** The headers of a request with its pseudo-headers, which are fields of the request itself. */
export class RequestHeaders implements HeaderMap {
  writable = true;
  /** Whether anything was changed since the route was chosen. */
  changed = false;
  readonly #request: HttpRequest;

  /** @param request The request. */
  constructor(request: HttpRequest) {
    this.#request = request;
  }

  get(name: string): string | undefined {
    return pseudoHeader(this.#request, name) ?? this.#request.headers.get(name);
  }

  set(name: string, value: string): boolean {
    const request = this.#request;
    this.changed = true;
    switch (name) {
      case ":path":
        if (!isTarget(value)) return false;
        request.path = value;
        return true;
      case ":method":
        if (!isFieldName(value)) return false;
        request.method = value;
        return true;
      case ":authority":
      case "host":
        if (!isTarget(value)) return false;
        request.authority = value;
        return true;
      case ":scheme":
        if (value !== "http" && value !== "https") return false;
        request.scheme = value;
        return true;
    }
    if (!isFieldName(name) || !isFieldValue(value)) return false;
    if (request.headers.size >= GUEST_LIMITS.headerFields && !request.headers.has(name)) return false;
    request.headers.set(name, value);
    return true;
  }

  add(name: string, value: string): boolean {
    if (name.startsWith(":") || name === "host") {
      // There is one of each: Envoy joins what is added to it.
      const old = this.get(name);
      if ((old?.length ?? 0) + value.length > GUEST_LIMITS.headerBytes) return false;
      return this.set(name, old === undefined || old === "" ? value : `${old},${value}`);
    }
    if (!isFieldName(name) || !isFieldValue(value)) return false;
    if (this.#request.headers.size >= GUEST_LIMITS.headerFields) return false;
    this.changed = true;
    this.#request.headers.append(name, value);
    return true;
  }

  remove(name: string): void {
    // A request cannot go on without its pseudo-headers.
    if (!name.startsWith(":") && this.#request.headers.delete(name)) this.changed = true;
  }

  pairs(): readonly string[] {
    const { authority, path, method, scheme, headers } = this.#request;
    return [":authority", authority, ":path", path, ":method", method, ":scheme", scheme, ...headers.pairs];
  }

  replace(pairs: readonly string[]): boolean {
    this.changed = true;
    const old = this.#request.headers.pairs.splice(0);
    for (let i = 0; i < pairs.length; i += 2) {
      const name = pairs[i]!.toLowerCase();
      const set = name.startsWith(":") || name === "host"
        ? this.set(name, pairs[i + 1]!)
        : this.add(name, pairs[i + 1]!);
      if (set) continue;
      this.#request.headers.pairs.splice(0, Infinity, ...old);
      return false;
    }
    return true;
  }
}
