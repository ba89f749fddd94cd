import type { AccessLogConfig } from "../resource/common.ts";
import type { AccessLog } from "../telemetry/access_log.ts";
import type { FilterContext, HttpLayer } from "./http_filter.ts";

/** Opens the log of a configuration; logs of the same path share their writer. */
export type OpenAccessLog = (config: AccessLogConfig) => AccessLog;

/**
 * The layer that writes a line for each finished request, whoever answered it; none where no access log is configured,
 * which is Istio's default.
 */
export function accessLogLayers(
  configs: readonly AccessLogConfig[],
  open: OpenAccessLog,
  context: FilterContext,
): HttpLayer[] {
  if (configs.length === 0) return [];
  const logs = configs.map(open);
  return [function accessLog(next) {
    return (request, call) => {
      call.exchange.onComplete(() => {
        call.durationMs ??= context.clock.now() - call.startTime;
        const source = { info: call, peer: call.peer, node: context.telemetry?.node.metadata ?? {} };
        for (const log of logs) log.write(source);
      });
      return next(request, call).then((response) => {
        call.response = response;
        return response;
      });
    };
  }];
}
