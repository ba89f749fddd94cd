import { parseIp } from "../resource/ip_address.ts";
import { ORIGINAL_DST_STATE } from "../upstream/destination.ts";
import { splitAddress } from "../upstream/split_address.ts";
import { Status, type StatusCode } from "./abi.ts";

/**
 * Whether a module may set that object of Envoy's filter state: plain texts, which hash policies and access logs read, and
 * the destination of ORIGINAL_DST clusters. What nothing here would act on is not found, rather than set for nothing.
 *
 * @param key Its key, which is the name of Envoy's factory of such objects.
 * @param value Its serialised form.
 */
export function checkFilterState(key: string, value: string): StatusCode {
  switch (key) {
    case "envoy.string":
    case "envoy.hashable_string":
      return Status.OK;
    case ORIGINAL_DST_STATE: {
      const { hostname, port } = splitAddress(value);
      const valid = parseIp(hostname) !== null && Number.isInteger(port) && port > 0 && port < 65_536;
      return valid ? Status.OK : Status.BAD_ARGUMENT;
    }
  }
  return Status.NOT_FOUND;
}
