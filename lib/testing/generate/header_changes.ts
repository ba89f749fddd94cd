import type { EnvoyConfigCoreV3HeaderValueOption as HeaderValueOption } from "../../protobuf/gen/messages.ts";
import type { HeaderOperations, RouteHeaders } from "../kinds/route_headers.ts";

/** Changes of a route or of one of its destinations, as Envoy has them. */
export interface HeaderChanges {
  requestHeadersToAdd?: HeaderValueOption[];
  requestHeadersToRemove?: string[];
  responseHeadersToAdd?: HeaderValueOption[];
  responseHeadersToRemove?: string[];
}

/** Header changes in istiod's order: what is set before what is added, each by name; then what follows. */
export function headerChanges(...headers: readonly (RouteHeaders | undefined)[]): HeaderChanges {
  const given = headers.filter((item) => item !== undefined);
  const requestAdd = given.flatMap(({ request }) => additions(request));
  const responseAdd = given.flatMap(({ response }) => additions(response));
  const requestRemove = given.flatMap(({ request }) => request.remove.filter(isChangeable));
  const responseRemove = given.flatMap(({ response }) => response.remove.filter(isChangeable));
  return {
    ...(requestAdd.length === 0 ? {} : { requestHeadersToAdd: requestAdd }),
    ...(requestRemove.length === 0 ? {} : { requestHeadersToRemove: requestRemove }),
    ...(responseAdd.length === 0 ? {} : { responseHeadersToAdd: responseAdd }),
    ...(responseRemove.length === 0 ? {} : { responseHeadersToRemove: responseRemove }),
  };
}

/** The authority that a set or added `host` or `:authority` header stands for; what is set goes first. */
export function authorityOf(headers: RouteHeaders | undefined): string | undefined {
  if (headers === undefined) return undefined;
  for (const map of [headers.request.set, headers.request.add]) {
    const name = Object.keys(map).find((key) => /^(?:host|:authority)$/i.test(key));
    if (name !== undefined) return map[name];
  }
  return undefined;
}

function additions({ set, add }: HeaderOperations): HeaderValueOption[] {
  return [
    ...sorted(set).map(([key, value]) => ({ header: { key, value }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" })),
    ...sorted(add).map(([key, value]) => ({ header: { key, value } })),
  ];
}

function sorted(headers: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(headers).filter(([name]) => isChangeable(name)).sort(([a], [b]) => a < b ? -1 : 1);
}

/** Envoy refuses changes of pseudo headers and of `host`. */
function isChangeable(name: string): boolean {
  return !name.startsWith(":") && name.toLowerCase() !== "host";
}
