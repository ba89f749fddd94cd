import type { HeaderList } from "./header_list.ts";

/** Redirects followed before giving up (Fetch Standard, HTTP-redirect fetch, step 5). */
export const MAX_REDIRECTS = 20;

const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);

/** Headers that describe a body, dropped with it. */
const BODY_HEADERS = ["content-encoding", "content-language", "content-location", "content-type", "content-length"];

/** Headers that are meant for one origin only. */
const CREDENTIAL_HEADERS = ["authorization", "proxy-authorization", "cookie", "host"];

/** Whether a response asks to go elsewhere. */
export function isRedirect(status: number): boolean {
  return REDIRECT_STATUSES.has(status);
}

/** What the next request of a redirect is. */
export interface RedirectTarget {
  readonly url: URL;
  readonly method: string;
  /** Whether the body is sent again. */
  readonly keepBody: boolean;
}

/**
 * The request that a redirect response leads to.
 *
 * @param response Status and headers of the response.
 * @param request URL and method that were asked for.
 * @returns The target, or `null` where the response names none (it is then an ordinary response).
 * @throws {TypeError} When the location is not a URL that can be fetched.
 * @see Fetch Standard, HTTP-redirect fetch.
 */
export function redirectTarget(
  response: { readonly status: number; readonly headers: HeaderList },
  request: { readonly url: string; readonly method: string },
): RedirectTarget | null {
  const location = response.headers.get("location");
  if (location === undefined) return null;
  let url: URL;
  try {
    url = new URL(decodeLatin1AsUtf8(location), request.url);
  } catch {
    throw new TypeError(`Cannot follow the redirect of '${request.url}': its location is not a URL: '${location}'`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`Cannot follow the redirect of '${request.url}': '${url.protocol}' is not http or https`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(`Cannot follow the redirect of '${request.url}': its location holds credentials`);
  }
  // A fragment survives a redirect that brings none.
  if (url.hash === "") url.hash = new URL(request.url).hash;
  const { status } = response;
  const toGet = (status === 303 && request.method !== "GET" && request.method !== "HEAD") ||
    ((status === 301 || status === 302) && request.method === "POST");
  return { url, method: toGet ? "GET" : request.method, keepBody: !toGet };
}

/** Removes what must not travel on: body headers with the body, credentials across origins. */
export function stripForRedirect(headers: HeaderList, from: URL, target: RedirectTarget): void {
  if (!target.keepBody) { for (const name of BODY_HEADERS) headers.delete(name); }
  if (from.origin !== target.url.origin) { for (const name of CREDENTIAL_HEADERS) headers.delete(name); }
}

/** Header values are byte strings; a location is UTF-8 where it is not ASCII. */
function decodeLatin1AsUtf8(value: string): string {
  // deno-lint-ignore no-control-regex -- the range is "not ASCII"
  if (!/[^\x00-\x7f]/.test(value)) return value;
  return new TextDecoder().decode(Uint8Array.from(value, (char) => char.charCodeAt(0)));
}
