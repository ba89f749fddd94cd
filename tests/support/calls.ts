import type { FilterContext } from "../../lib/filter/http_filter.ts";
import type { Body } from "../../lib/http/body.ts";
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest } from "../../lib/http/message.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import type { ConnectionInfo } from "../../lib/transport/byte_stream.ts";

/** A request for tests of layers. */
export function request(overrides: Partial<HttpRequest> & { pairs?: string[]; body?: Body | null } = {}): HttpRequest {
  const { pairs, ...rest } = overrides;
  return {
    method: "GET",
    scheme: "http",
    authority: "reviews.default",
    path: "/",
    headers: new HeaderList(pairs ?? []),
    body: null,
    protocol: "HTTP/1.1",
    ...rest,
  };
}

/** A call for tests of layers. */
export function callOf(
  of: HttpRequest,
  options: { direction?: "inbound" | "outbound"; downstream?: ConnectionInfo | null } = {},
): Call {
  return new Call({
    direction: options.direction ?? "outbound",
    startTime: 0,
    request: of,
    exchange: new Exchange(),
    downstream: options.downstream ?? null,
  });
}

/** A filter context for tests of layers. */
export function filterContext(overrides: Partial<FilterContext> = {}): FilterContext {
  return { direction: "outbound", clock: new FakeClock(), random: () => 0, logger: silentLogger, ...overrides };
}
