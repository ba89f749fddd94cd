import { connectHttp1 } from "../http/http1/client_connection.ts";
import { connectHttp2 } from "../http/http2/client_connection.ts";
import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { HttpCodecs } from "./http_codecs.ts";

/**
 * The project's own codecs with their default limits.
 *
 * @param options Clock of their time-outs, and where they log.
 */
export function createHttpCodecs(options: { clock: Clock; logger: Logger }): HttpCodecs {
  return {
    http1: (stream) => connectHttp1(stream, options),
    http2: (stream) => connectHttp2(stream, options),
  };
}
