import type { Fields } from "../fields.ts";

/** An answer that sends the caller elsewhere. */
export interface Redirect {
  readonly uri: string | undefined;
  /** Replaces the prefix that matched. */
  readonly prefixRewrite: string | undefined;
  readonly authority: string | undefined;
  readonly scheme: "http" | "https" | undefined;
  /** A number, the port of the request, or what the scheme stands for. */
  readonly port: number | "FROM_REQUEST_PORT" | "FROM_PROTOCOL_DEFAULT" | undefined;
  readonly code: 301 | 302 | 303 | 307 | 308;
}

const DERIVED = ["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"] as const;

/** Reads `redirect`. */
export function parseRedirect(fields: Fields | undefined): Redirect | undefined {
  if (fields === undefined) return undefined;
  fields.only("uri", "prefixRewrite", "authority", "scheme", "port", "derivePort", "redirectCode");
  const port: Redirect["port"] = fields.port("port") ?? fields.oneOf("derivePort", DERIVED);
  const redirect = {
    uri: text(fields, "uri"),
    prefixRewrite: text(fields, "prefixRewrite"),
    authority: text(fields, "authority"),
    scheme: fields.oneOf("scheme", ["http", "https"]),
    port,
  };
  if (redirect.uri !== undefined && redirect.prefixRewrite !== undefined) {
    throw fields.error("prefixRewrite", "must not be there beside 'uri'");
  }
  if (Object.values(redirect).every((value) => value === undefined)) {
    throw fields.error("uri", "is required, or one of 'authority', 'scheme', 'port' and 'prefixRewrite' in its place");
  }
  const code = fields.number("redirectCode");
  switch (code) {
    case undefined:
    case 0:
      return { ...redirect, code: 301 };
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return { ...redirect, code };
  }
  throw fields.error("redirectCode", `must be one of 301, 302, 303, 307 and 308, current value is '${code}'`);
}

function text(fields: Fields, name: string): string | undefined {
  const value = fields.string(name);
  return value === "" ? undefined : value;
}
