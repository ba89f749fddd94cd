import { compileRegex } from "../matcher/regex.ts";
import type { RouteMatch } from "../resource/route.ts";
import { compilePathTemplate } from "../matcher/path_template.ts";
import { pathEnd } from "./request_path.ts";

/** Rewrites a request target: path and query in, path and query out; `null` where it stays, for nothing is left of it. */
export type PathRewrite = (target: string) => string | null;

/** How a path is rewritten; at most one of them is set. */
export interface PathRewriteConfig {
  readonly prefixRewrite: string | null;
  readonly regexRewrite: { readonly pattern: string; readonly substitution: string } | null;
  readonly pathTemplateRewrite?: string | null;
}

/**
 * Compiles the path rewrite of a route; `null` where there is none. The query is kept in every case.
 *
 * @param match The route's match: a prefix rewrite replaces what matched, which for exact paths and regular expressions
 * is the whole path.
 * @throws {SyntaxError} When a pattern is not valid.
 */
export function compilePathRewrite(match: RouteMatch, config: PathRewriteConfig): PathRewrite | null {
  const { prefixRewrite, regexRewrite, pathTemplateRewrite = null } = config;
  if (regexRewrite !== null) {
    const regex = compileRegex(regexRewrite.pattern);
    return onPath((path) => regex.replaceAll(path, regexRewrite.substitution));
  }
  if (pathTemplateRewrite !== null && match.path.kind === "template") {
    const rewrite = compilePathTemplate(match.path.value).compileRewrite(pathTemplateRewrite);
    return onPath((path) => rewrite(path) ?? path);
  }
  if (prefixRewrite === null || prefixRewrite === "") return null;
  const { path } = match;
  if (path.kind === "prefix" || path.kind === "path_separated_prefix") {
    const length = path.value.length;
    return onPath((path) => prefixRewrite + path.slice(length));
  }
  return onPath(() => prefixRewrite);
}

function onPath(rewrite: (path: string) => string): PathRewrite {
  return (target) => {
    const end = pathEnd(target);
    const path = rewrite(target.slice(0, end));
    return path === "" ? null : path + target.slice(end);
  };
}
