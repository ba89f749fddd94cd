import type { Call } from "../../http/call.ts";
import type { Json } from "../../protobuf/well_known.ts";
import type { Metadata } from "../../resource/common.ts";
import type { LocalNode } from "../../telemetry/local_node.ts";
import type { PropertyValue } from "../property_value.ts";
import { connectionProperty, peerProperty, upstreamProperty } from "./connection_property.ts";
import { branch, descend, metadataProperty } from "./json_property.ts";
import { requestProperty, responseProperty } from "./message_property.ts";
import { nodeProperty, xdsProperty } from "./xds_property.ts";

/** Prefix of what modules keep in the filter state (`CelStateKeyPrefix` in Envoy). */
export const STATE_PREFIX = "wasm.";

/**
 * A property of an HTTP stream, by Envoy's attribute names; `undefined` where there is none.
 *
 * @param call The stream.
 * @param node Our own node.
 * @param path The parts of the name.
 */
export function streamProperty(call: Call, node: LocalNode, path: readonly string[]): PropertyValue | undefined {
  const [first, second] = path;
  switch (first) {
    case "request":
      return second === undefined ? branch(() => undefined) : descend(requestProperty(call, second), path, 2);
    case "response":
      return second === undefined ? branch(() => undefined) : descend(responseProperty(call, second), path, 2);
    case "connection":
      return second === undefined ? branch(() => undefined) : descend(
        connectionProperty(call.downstream, call.connectionTerminationDetails, second),
        path,
        2,
      );
    case "upstream":
      return second === undefined ? branch(() => undefined) : descend(upstreamProperty(call, second), path, 2);
    case "source":
      return second === undefined
        ? branch(() => undefined)
        : descend(peerProperty(call.downstreamRemoteAddress, second), path, 2);
    case "destination":
      return second === undefined
        ? branch(() => undefined)
        : descend(peerProperty(call.downstreamLocalAddress, second), path, 2);
    case "connection_id":
      return path.length === 1 ? call.downstream?.id : undefined;
    case "metadata":
      return descend(metadataProperty(dynamicMetadata(call), path.slice(1)), path, 2);
    case "filter_state":
      return second === undefined ? branch(() => undefined) : descend(call.filterState?.get(second), path, 2);
    case "node":
      return descend(nodeProperty(node, path.slice(1)), path, 2);
    case "xds":
      if (second === undefined) return branch(() => undefined);
      return second === "node"
        ? descend(nodeProperty(node, path.slice(2)), path, 3)
        : descend(xdsProperty(call, second, path.slice(2)), path, second.endsWith("_metadata") ? 3 : 2);
    case undefined:
      return undefined;
  }
  const known = xdsProperty(call, first, path.slice(1));
  if (known !== undefined) return descend(known, path, first.endsWith("_metadata") ? 2 : 1);
  return descend(call.filterState?.get(STATE_PREFIX + first), path, 1);
}

function dynamicMetadata({ dynamicMetadata }: Call): Metadata {
  return Object.fromEntries(dynamicMetadata ?? []) as Record<string, Record<string, Json>>;
}
