import type { Body } from "../body.ts";
import type { HeaderList } from "../header_list.ts";

/**
 * The length of a message's content where it is known and no field tells it: HTTP/2 frames content without it, but the
 * receiver's application reads it, as it would over HTTP/1.1. `null` for gRPC, whose messages have lengths of their own.
 *
 * @param body The content.
 * @param headers The fields the message has.
 */
export function undeclaredLength(body: Body | null, headers: HeaderList): number | null {
  const length = body === null ? null : body.length;
  if (length === null || body!.trailers !== null || headers.has("content-length")) return null;
  return headers.get("content-type")?.startsWith("application/grpc") === true ? null : length;
}
