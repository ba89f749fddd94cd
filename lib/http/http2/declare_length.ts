import type { HeaderList } from "../header_list.ts";

/**
 * Says how long the content of a message is: HTTP/2 frames it without, but the receiver's application reads it, as it
 * would over HTTP/1.1. What the field said before gives way to what is sent. Not for gRPC, whose messages have lengths of
 * their own.
 *
 * @param headers The fields of the message; changed.
 * @param length The length where it is known beforehand, else `null`.
 */
export function declareLength(headers: HeaderList, length: number | null): void {
  if (length === null) return;
  const { pairs } = headers;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i];
    if (name === "content-length") return headers.set(name, String(length));
    if (name === "content-type" && pairs[i + 1]!.startsWith("application/grpc")) return;
  }
  pairs.push("content-length", String(length));
}
