import type { HeaderList } from "../http/header_list.ts";
import { PROXY_HEADERS } from "./proxy_headers.ts";

/** Removed by whoever reads them, and not here: see the reasons in the table. */
const OTHERS: ReadonlySet<string> = new Set(["x-envoy-upstream-stream-duration-ms", "x-forwarded-client-cert"]);

function namesRemoved(direction: "inbound" | "outbound"): ReadonlySet<string> {
  return new Set(
    PROXY_HEADERS.filter((header) => header[direction] === "removed")
      .map(({ name }) => name)
      .filter((name) => name.startsWith("x-envoy-") && !name.startsWith("x-envoy-peer-metadata"))
      // Inbound there is no router behind, only the application.
      .filter((name) => direction === "inbound" || !OTHERS.has(name)),
  );
}

const INBOUND = namesRemoved("inbound");
const OUTBOUND = namesRemoved("outbound");

/**
 * Removes from a request what only a proxy may set, by the table of {@linkcode PROXY_HEADERS}. One pass, and nothing is
 * written where nothing is to go. What travels with the connection (`keep-alive`)
 * the codec has left out already.
 *
 * @param headers Headers of the request.
 * @param direction Whose requests they are.
 */
export function sanitizeRequestHeaders(headers: HeaderList, direction: "inbound" | "outbound" = "outbound"): void {
  const { pairs } = headers;
  const names = direction === "inbound" ? INBOUND : OUTBOUND;
  let found: string[] | null = null;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!;
    if (name.startsWith("x-envoy-") && names.has(name)) (found ??= []).push(name);
  }
  for (const name of found ?? []) headers.delete(name);
}
