import { pathEnd } from "./request_path.ts";

/** Characters whose escapes mean the same as themselves (RFC 3986 section 2.3). */
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;

/**
 * Normalises the path of a request target as `normalize_path` asks (RFC 3986 section 6.2.2): escaped unreserved
 * characters are written out, backslashes become slashes, `.` and `..` segments are resolved. The query is left alone.
 *
 * @param target Path and query, starting with `/`; other forms (`*`, empty) are returned unchanged.
 * @returns The normalised target, or `null` where the path is not valid (Envoy answers 400).
 */
export function normalizePath(target: string): string | null {
  // Most paths hold nothing to normalise: one scan finds that out.
  if (!/[%\\]|\/\./.test(target) || !target.startsWith("/")) return target;
  const end = pathEnd(target);
  const path = decodeUnreserved(target.slice(0, end));
  if (path === null) return null;
  return resolveDots(path.replaceAll("\\", "/")) + target.slice(end);
}

function decodeUnreserved(path: string): string | null {
  let valid = true;
  // What is no escape stays as it is, as in Envoy.
  const decoded = path.replace(/%([0-9A-Fa-f]{2})/g, (escape, hex: string) => {
    if (hex === "00") valid = false;
    const char = String.fromCharCode(parseInt(hex, 16));
    return UNRESERVED.test(char) ? char : escape;
  });
  return valid ? decoded : null;
}

/** RFC 3986 section 5.2.4. Empty segments stay: merging slashes is another setting. */
function resolveDots(path: string): string {
  const segments = path.split("/");
  const last = segments.at(-1);
  const out: string[] = [];
  for (const segment of segments.slice(1)) {
    if (segment === "..") out.pop();
    else if (segment !== ".") out.push(segment);
  }
  if (last === "." || last === "..") out.push("");
  return `/${out.join("/")}`;
}
