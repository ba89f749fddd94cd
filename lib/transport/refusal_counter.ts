import type { MetricRegistry } from "../telemetry/metric_registry.ts";
import type { Connector } from "./connector.ts";
import type { TransportFailure } from "./transport_failure.ts";

/** Counts a connection that could not be used. */
export type CountRefusal = (failure: TransportFailure) => void;

/**
 * Counts refused connections by reason: `enmesh_refused_connections_total{direction, reason}`. A peer of a wrong CA, an
 * expired certificate or a wrong name is seen there, whoever opened the connection.
 */
export function refusalCounter(registry: MetricRegistry, direction: "inbound" | "outbound"): CountRefusal {
  const family = registry.counter("enmesh_refused_connections_total");
  return ({ kind }) => family.with([["direction", direction], ["reason", kind]]).add(1);
}

/** The same connector, whose failures are counted. */
export function countingConnector(connector: Connector, count: CountRefusal): Connector {
  return {
    connect: (target) =>
      connector.connect({
        ...target,
        onTransportFailure(failure) {
          count(failure);
          target.onTransportFailure?.(failure);
        },
      }),
  };
}
