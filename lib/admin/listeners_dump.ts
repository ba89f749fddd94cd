import { formatAddress } from "../internal/socket_address.ts";
import { addressJson } from "./address_json.ts";
import type { ListenerAddressView } from "./admin_view.ts";
import { LazyList, type Writable } from "./json_writer.ts";

/** The text answer of `/listeners`: name and address, a line for each address. */
export function* listenersText(listeners: Iterable<ListenerAddressView>): Generator<string> {
  for (const { name, addresses } of listeners) {
    yield addresses.map((address) => `${name}::${formatAddress(address)}\n`).join("");
  }
}

/** The answer of `/listeners?format=json` (`envoy.admin.v3.Listeners`). */
export function listenersJson(listeners: Iterable<ListenerAddressView>): Writable {
  return new Map([["listener_statuses", new LazyList(statuses(listeners))]]);
}

function* statuses(listeners: Iterable<ListenerAddressView>): Generator<Writable> {
  for (const { name, addresses: [first, ...others] } of listeners) {
    yield {
      name,
      ...(first === undefined ? {} : { local_address: addressJson(first) }),
      ...(others.length === 0 ? {} : { additional_local_addresses: others.map(addressJson) }),
    };
  }
}
