import { formatAddress } from "../internal/socket_address.ts";
import type { Logger } from "../internal/logger.ts";
import type { MetricRegistry } from "../telemetry/metric_registry.ts";
import type { Connector } from "./connector.ts";
import type { TransportFailure } from "./transport_failure.ts";

/** Counts a connection that could not be used: of its transport, or because the configuration has no place for it. */
export type CountRefusal = (
  failure: { readonly kind: TransportFailure["kind"] | "no_filter_chain" | "no_secret" },
) => void;

/**
 * Counts refused connections by reason: `enmesh_refused_connections_total{direction, reason}`. A peer of a wrong CA, an
 * expired certificate or a wrong name is seen there, whoever opened the connection.
 */
export function refusalCounter(registry: MetricRegistry, direction: "inbound" | "outbound"): CountRefusal {
  const family = registry.counter("enmesh_refused_connections_total");
  return ({ kind }) => family.with([["direction", direction], ["reason", kind]]).add(1);
}

/**
 * The same connector, whose failures are counted. Servers that are refused are also logged, as clients are: the answer
 * reaches the program, which may not show it. A server that is not there is no refusal.
 */
export function countingConnector(connector: Connector, count: CountRefusal, logger: Logger): Connector {
  const log = ({ kind, reason, address }: TransportFailure): void => {
    if (kind === "connect" || kind === "timeout") return;
    logger.log("info", `Refused the server at '${formatAddress(address)}': ${reason}`, { kind });
  };
  return {
    connect: (target) =>
      connector.connect({
        ...target,
        onTransportFailure(failure) {
          count(failure);
          log(failure);
          target.onTransportFailure?.(failure);
        },
      }),
  };
}
