/** Short forms of routes in Envoy's JSON, for cases. */
import type { Json, JsonObject } from "./case.ts";

/** Forwards what matches to a cluster. */
export function to(cluster: string, match: JsonObject = { prefix: "/" }, action: JsonObject = {}): JsonObject {
  return { match, route: { cluster, ...action } };
}

/** Answers what matches with a text: shows which route was taken. */
export function answer(text: string, match: JsonObject = { prefix: "/" }, more: JsonObject = {}): JsonObject {
  return { match, direct_response: { status: 200, body: { inline_string: text } }, ...more };
}

/** Redirects what matches. */
export function redirect(redirect: JsonObject, match: JsonObject = { prefix: "/" }): JsonObject {
  return { match, redirect };
}

/** A virtual host that answers with its own name. */
export function named(name: string, domains: readonly string[], more: JsonObject = {}): JsonObject {
  return { name, domains, routes: [answer(name)], ...more };
}

/** A match on any path with conditions on headers. */
export function whenHeader(name: string, matcher: JsonObject): JsonObject {
  return { prefix: "/", headers: [{ name, ...matcher }] };
}

/** A header that is added. */
export function header(key: string, value: string, append_action?: string, more: JsonObject = {}): JsonObject {
  return { header: { key, value }, ...(append_action === undefined ? {} : { append_action }), ...more };
}

/** An extension configuration of a type. */
export function typed(name: string, type: string, config: { readonly [key: string]: Json } = {}): JsonObject {
  return { name, typed_config: { "@type": `type.googleapis.com/${type}`, ...config } };
}
