import type { Fields } from "../fields.ts";

/** Header changes of one direction. */
export interface HeaderOperations {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** Header changes of both directions. */
export interface RouteHeaders {
  readonly request: HeaderOperations;
  readonly response: HeaderOperations;
}

/** Reads `headers`, `undefined` where absent. */
export function parseRouteHeaders(fields: Fields | undefined): RouteHeaders | undefined {
  if (fields === undefined) return undefined;
  fields.only("request", "response");
  return { request: parseOperations(fields.object("request")), response: parseOperations(fields.object("response")) };
}

function parseOperations(fields: Fields | undefined): HeaderOperations {
  fields?.only("set", "add", "remove");
  return {
    set: fields?.stringMap("set") ?? {},
    add: fields?.stringMap("add") ?? {},
    remove: fields?.strings("remove") ?? [],
  };
}
