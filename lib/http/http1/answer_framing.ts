import type { HeaderList } from "../header_list.ts";
import type { HttpResponse } from "../message.ts";
import { CHUNKED, type Framing, UNTIL_CLOSE } from "./framing.ts";

/**
 * How a response is to be framed: by what is known of its content, not by what its headers claim, unless only they know.
 *
 * @param response The response.
 * @param whole Its content where all of it is in memory.
 * @param method Method of the request it answers.
 * @param version Version of that request.
 * @returns 0 also where the content must not be sent: to HEAD, with 204 and 304.
 * @throws {TypeError} When the status is not one of a final response.
 */
export function answerFraming(
  response: HttpResponse,
  whole: Uint8Array | null,
  method: string,
  version: "HTTP/1.0" | "HTTP/1.1",
): Framing {
  const { status, body } = response;
  if (!(Number.isInteger(status) && status >= 200 && status <= 999)) {
    throw new TypeError(`Cannot send the response: its status is '${status}'`);
  }
  if (body === null || isBodiless(status, method)) return 0;
  if (body.length !== null) return body.length;
  if (whole !== null && body.trailers === null) return whole.length;
  return declaredLength(response.headers) ?? (version === "HTTP/1.1" ? CHUNKED : UNTIL_CLOSE);
}

/**
 * `content-length` of a response that is framed without content, or `null` for none: to HEAD and with 304 it tells what
 * GET would have brought (RFC 9110 section 8.6).
 */
export function answerLength(response: HttpResponse, method: string): number | null {
  if (response.status === 204) return null;
  if (!isBodiless(response.status, method)) return 0;
  return declaredLength(response.headers) ?? response.body?.length ?? null;
}

function isBodiless(status: number, method: string): boolean {
  return method === "HEAD" || status === 204 || status === 304;
}

/** The length a well-formed `content-length` field claims. */
export function declaredLength(headers: HeaderList): number | null {
  const value = headers.get("content-length");
  return value !== undefined && /^[0-9]{1,15}$/.test(value) ? Number(value) : null;
}
