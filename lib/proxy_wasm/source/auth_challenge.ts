/** How a server wants to be shown who asks (`WWW-Authenticate`). */
export interface AuthChallenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Parameters by lower-case name: `realm`, `service`, `scope`. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Reads a challenge; `null` where there is none. Of several in one field the first is read. */
export function parseAuthChallenge(value: string): AuthChallenge | null {
  const [whole, scheme] = /^\s*([\w-]+)(?:\s+|$)/.exec(value) ?? [];
  if (whole === undefined || scheme === undefined) return null;
  const parameters = new Map<string, string>();
  const parameter = /\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?:,|$)/y;
  parameter.lastIndex = whole.length;
  for (let match = parameter.exec(value); match !== null; match = parameter.exec(value)) {
    const [, name, quoted, token] = match;
    if (!parameters.has(name!.toLowerCase())) {
      parameters.set(name!.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? token ?? "");
    }
  }
  return { scheme: scheme.toLowerCase(), parameters };
}
