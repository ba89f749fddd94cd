import type { RouteMatch } from "../resource/route.ts";

/** A place in the path and the one character it must have there; -1 where there is no such condition. */
export interface LiteralCheck {
  readonly at: number;
  readonly code: number;
}

const NONE: LiteralCheck = { at: -1, code: 0 };

/**
 * For each route one character that its path must have, the rarest among all of them: looking at it first rules out
 * nearly all of a long list without a call. Beyond the end of a path `charCodeAt` is not a number, which equals nothing.
 *
 * @param matches The matches of a virtual host's routes, in order.
 */
export function literalChecks(matches: readonly RouteMatch[]): LiteralCheck[] {
  const literals = matches.map(literalOf);
  /** How many literals have a character at a place. */
  const counts = new Map<number, number>();
  const key = (literal: string, at: number) => at * 0x10000 + literal.charCodeAt(at);
  for (const literal of literals) {
    for (let at = 0; at < literal.length; at++) {
      const place = key(literal, at);
      counts.set(place, (counts.get(place) ?? 0) + 1);
    }
  }
  return literals.map((literal) => {
    if (literal === "") return NONE;
    let best = literal.length - 1;
    for (let at = best - 1; at >= 0; at--) {
      if (counts.get(key(literal, at))! < counts.get(key(literal, best))!) best = at;
    }
    return { at: best, code: literal.charCodeAt(best) };
  });
}

/** What every path begins with that the route applies to; empty where nothing is known. */
function literalOf({ path, caseSensitive }: RouteMatch): string {
  const literal = path.kind === "prefix" || path.kind === "path" || path.kind === "path_separated_prefix";
  return literal && caseSensitive ? path.value : "";
}
