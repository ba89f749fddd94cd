import type { EnvoyServiceDiscoveryV3DiscoveryRequest as DiscoveryRequest } from "../../protobuf/gen/messages.ts";
import { isWildcardType, newWatch, type Reaction, type Watch } from "./watch.ts";

const NOTHING: Reaction = { kind: "none" };

/**
 * What istiod does with a request of the state-of-the-world protocol (`pkg/xds/server.go`, `ShouldRespond`). Pure but
 * for the watches, which it updates.
 */
export function sotwReaction(watches: Map<string, Watch>, request: DiscoveryRequest): Reaction {
  const typeUrl = request.typeUrl ?? "";
  const watch = watches.get(typeUrl);
  const nonce = request.responseNonce ?? "";
  if (request.errorDetail !== undefined) {
    if (watch !== undefined) {
      watch.lastError = request.errorDetail.message ?? "";
      watch.nonceNacked = nonce;
    }
    return { kind: "none", nack: true };
  }
  const names = (request.resourceNames ?? []).filter((name) => name !== "*");
  const wildcardType = isWildcardType(typeUrl);
  if (!wildcardType && names.length === 0) {
    // No names of a type that is subscribed to by name: unsubscribed.
    watches.delete(typeUrl);
    return NOTHING;
  }
  if (nonce === "" || watch === undefined) {
    watches.set(typeUrl, newWatch(typeUrl, names, wildcardType));
    return { kind: "all" };
  }
  if (nonce !== watch.nonceSent) return NOTHING;
  watch.nonceAcked = nonce;
  watch.lastError = "";
  if (wildcardType) return NOTHING;
  const added = names.filter((name) => !watch.names.has(name));
  watch.names = new Set(names);
  const always = watch.alwaysRespond;
  watch.alwaysRespond = false;
  if (always) return { kind: "all" };
  return added.length === 0 ? NOTHING : { kind: "names", names: added };
}
