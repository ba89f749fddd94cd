/**
 * What modules leave on a request for the filters after them, for hashing and for access logs: Envoy's filter state.
 *
 * @module
 */
import type { Call } from "../http/call.ts";
import { parseIp } from "../resource/ip_address.ts";
import { ORIGINAL_DST_STATE } from "../upstream/destination.ts";
import { splitAddress } from "../upstream/split_address.ts";
import { Status, type StatusCode } from "./abi.ts";
import { decodeLatin1 } from "./latin1.ts";
import { STATE_PREFIX } from "./properties/stream_property.ts";
import type { RootContext } from "./root_context.ts";

/** Keeps a property a module sets; `BAD_ARGUMENT` where it has declared it to be set once only, and it is. */
export function setStreamProperty(call: Call, root: RootContext, path: string, value: Uint8Array): StatusCode {
  const key = STATE_PREFIX + path;
  const { readonly = false } = root.declaredProperties.get(path) ?? {};
  if (readonly && call.filterState?.has(key)) return Status.BAD_ARGUMENT;
  call.setFilterState(key, decodeLatin1(value, 0, value.length));
  return Status.OK;
}

/**
 * Sets an object of the filter state: plain texts, which hash policies and access logs read, and the destination of
 * ORIGINAL_DST clusters. What nothing here would act on is not found, rather than set for nothing.
 *
 * @param call The request.
 * @param key Its key, which is the name of Envoy's factory of such objects.
 * @param value Its serialised form.
 */
export function setFilterState(call: Call, key: string, value: string): StatusCode {
  switch (key) {
    case "envoy.string":
    case "envoy.hashable_string":
      break;
    case ORIGINAL_DST_STATE: {
      const { hostname, port } = splitAddress(value);
      if (parseIp(hostname) === null || !Number.isInteger(port) || port <= 0 || port > 65_535) {
        return Status.BAD_ARGUMENT;
      }
      break;
    }
    default:
      return Status.NOT_FOUND;
  }
  call.setFilterState(key, value);
  return Status.OK;
}
