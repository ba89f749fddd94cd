import type { HttpRequest } from "./message.ts";

/**
 * What a request carries outside of its fields, by the names that HTTP/2 has for it (RFC 9113 section 8.3.1); `host` is
 * another name of `:authority`, as in Envoy. `undefined` for every other name.
 */
export function pseudoHeader(request: HttpRequest, name: string): string | undefined {
  switch (name) {
    case ":path":
      return request.path;
    case ":method":
      return request.method;
    case ":authority":
    case "host":
      return request.authority;
    case ":scheme":
      return request.scheme;
  }
  return undefined;
}
