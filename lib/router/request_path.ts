/** The path of a request target without query and fragment: what routes match on. */
export function pathOf(target: string): string {
  const end = pathEnd(target);
  return end === target.length ? target : target.slice(0, end);
}

/** Where the path of a request target ends: at `?`, `#` or the end. */
export function pathEnd(target: string): number {
  const query = target.indexOf("?");
  const fragment = target.indexOf("#");
  if (query < 0) return fragment < 0 ? target.length : fragment;
  return fragment < 0 ? query : Math.min(query, fragment);
}

/** The query of a request target without `?`; empty for none. */
export function queryOf(target: string): string {
  const query = target.indexOf("?");
  if (query < 0) return "";
  const fragment = target.indexOf("#", query);
  return fragment < 0 ? target.slice(query + 1) : target.slice(query + 1, fragment);
}

/** The first value of a query parameter, undecoded as Envoy compares it; `null` where it does not occur. */
export function queryParameter(target: string, name: string): string | null {
  for (const pair of queryOf(target).split("&")) {
    const equals = pair.indexOf("=");
    if ((equals < 0 ? pair : pair.slice(0, equals)) === name && pair !== "") {
      return equals < 0 ? "" : pair.slice(equals + 1);
    }
  }
  return null;
}
