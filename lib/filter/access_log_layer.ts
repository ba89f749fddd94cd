import type { AccessLogConfig } from "../resource/common.ts";
import { AccessLog } from "../telemetry/access_log.ts";
import type { FilterContext, HttpLayer } from "./http_filter.ts";

/**
 * Writes a line for each request once it is over, to every access log of its chain. Stands outermost, so that requests
 * leave a line whoever answered them; notes on the call how long it took.
 */
export function accessLogLayer(configs: readonly AccessLogConfig[], context: FilterContext): HttpLayer {
  const logs = compileLogs(configs, context);
  const { clock, telemetry } = context;
  const node = telemetry?.node.metadata ?? {};
  return function accessLog(next) {
    return (request, call) => {
      call.exchange.onComplete(() => {
        call.durationMs ??= clock.now() - call.startTime;
        for (const log of logs) log.write({ info: call, peer: call.peer, node });
      });
      return next(request, call);
    };
  };
}

/** A log that cannot be written is reported and left out: traffic does not stop for it. */
function compileLogs(configs: readonly AccessLogConfig[], { logs, logger, hostname }: FilterContext): AccessLog[] {
  const compiled: AccessLog[] = [];
  if (logs === undefined) return compiled;
  for (const config of configs) {
    try {
      const log = new AccessLog(config, logs.get(config.path), hostname === undefined ? {} : { hostname });
      if (log.unsupported !== null) {
        logger.log("warning", `Cannot filter access log '${config.path}': ${log.unsupported}`);
      }
      compiled.push(log);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.log("error", `Cannot write access log '${config.path}': ${reason}`);
    }
  }
  return compiled;
}
