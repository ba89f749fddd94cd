import type { Body } from "../../http/body.ts";
import { HeaderList } from "../../http/header_list.ts";
import type { HttpRequest } from "../../http/message.ts";
import { isFieldName, isFieldValue, isTarget } from "../http/field_syntax.ts";

/** Fields that belong to the connection or to the framing of the content: the codec writes them. */
const NOT_SENT: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The request a module describes; `null` where `:method`, `:path` or `:authority` (or `host`) is missing, or a part of it
 * cannot be sent.
 *
 * @param pairs Its fields, flat, with pseudo-headers.
 * @param body Its content.
 */
export function callRequest(pairs: readonly string[], body: Body | null): HttpRequest | null {
  let method = "";
  let path = "";
  let authority = "";
  let scheme = "http";
  const headers: string[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!.toLowerCase();
    const value = pairs[i + 1]!;
    switch (name) {
      case ":method":
        method = value;
        continue;
      case ":path":
        path = value;
        continue;
      case ":authority":
      case "host":
        authority = value;
        continue;
      case ":scheme":
        scheme = value;
        continue;
    }
    if (!isFieldName(name) || !isFieldValue(value)) return null;
    if (!NOT_SENT.has(name)) headers.push(name, value);
  }
  if (!isFieldName(method) || !isTarget(path) || !isTarget(authority)) return null;
  // A tunnel is no call with an answer.
  if (method === "CONNECT" || scheme !== "http" && scheme !== "https") return null;
  return { method, scheme, authority, path, headers: new HeaderList(headers), body, protocol: "HTTP/1.1" };
}

/** Fields without pseudo-headers, as trailers are; `null` where one of them cannot be sent. */
export function callTrailers(pairs: readonly string[]): HeaderList | null {
  const fields: string[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!.toLowerCase();
    const value = pairs[i + 1]!;
    if (!isFieldName(name) || !isFieldValue(value)) return null;
    fields.push(name, value);
  }
  return new HeaderList(fields);
}
