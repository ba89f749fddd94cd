import type { HttpConnectionManager } from "../resource/http_connection_manager.ts";
import { normalizePath } from "./normalize_path.ts";
import { pathEnd } from "./request_path.ts";

/** The caller is sent to another target, because its own was not in the one form paths have here. */
export class PathRedirect {
  /** Path and query to send it to. */
  readonly target: string;

  /** @param target Path and query. */
  constructor(target: string) {
    this.target = target;
  }
}

/** Brings a request target into the one form that routes and policies see; `null` where it is to be refused. */
export type PathForm = (target: string) => string | PathRedirect | null;

/** Settings of a connection manager that say which form paths have. */
export type PathFormSettings = Pick<HttpConnectionManager, "normalizePath" | "mergeSlashes" | "pathWithEscapedSlashes">;

/**
 * Compiles the form of paths, in Envoy's order: escaped slashes, dots and escapes, repeated slashes. The query is left
 * alone. A path with a fragment, which no client may send, is refused.
 *
 * @see Envoy `HttpConnectionManager.path_with_escaped_slashes_action`, `normalize_path`, `merge_slashes`.
 */
export function compilePathForm(
  { normalizePath: dots, mergeSlashes, pathWithEscapedSlashes }: PathFormSettings,
): PathForm {
  const form = (target: string) => {
    const normal = dots ? normalizePath(target) : target;
    return normal === null || !mergeSlashes ? normal : onPath(normal, mergedSlashes);
  };
  const withoutFragment: PathForm = (target) => target.includes("#") ? null : form(target);
  if (pathWithEscapedSlashes === "keep") return withoutFragment;
  return (target) => {
    const unescaped = onPath(
      target,
      (path) => path.replaceAll(/%(?:2f|5c)/gi, (escape) => escape[1] === "2" ? "/" : "\\"),
    );
    if (unescaped === target) return withoutFragment(target);
    if (pathWithEscapedSlashes === "reject") return null;
    const formed = withoutFragment(unescaped);
    return typeof formed === "string" && pathWithEscapedSlashes === "unescape_and_redirect"
      ? new PathRedirect(formed)
      : formed;
  };
}

/** Of a path that is nothing but slashes Envoy keeps two: the one at its beginning and the one at its end. */
function mergedSlashes(path: string): string {
  const merged = path.replaceAll(/\/{2,}/g, "/");
  return merged === "/" && path.length > 1 ? "//" : merged;
}

function onPath(target: string, change: (path: string) => string): string {
  const end = pathEnd(target);
  return change(target.slice(0, end)) + target.slice(end);
}
