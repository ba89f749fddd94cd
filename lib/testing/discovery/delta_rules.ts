import type { EnvoyServiceDiscoveryV3DeltaDiscoveryRequest as DeltaDiscoveryRequest } from "../../protobuf/gen/messages.ts";
import { answersUnsubscription, isWildcardType, newWatch, type Reaction, type Watch } from "./watch.ts";

const NOTHING: Reaction = { kind: "none" };

/**
 * What istiod does with a request of the delta protocol (`pilot/pkg/xds/delta.go`, `shouldRespondDelta`). Pure but for
 * the watches, which it updates.
 */
export function deltaReaction(watches: Map<string, Watch>, request: DeltaDiscoveryRequest): Reaction {
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
  const subscribe = request.resourceNamesSubscribe ?? [];
  if (watch === undefined) {
    // A new type on this stream is always answered, whatever nonce an earlier stream left.
    const names = new Set([...subscribe, ...Object.keys(request.initialResourceVersions ?? {})]);
    for (const name of request.resourceNamesUnsubscribe ?? []) names.delete(name);
    const wildcard = names.delete("*") || (subscribe.length === 0 && isWildcardType(typeUrl));
    watches.set(typeUrl, newWatch(typeUrl, names, wildcard));
    return { kind: "all" };
  }
  // A stale request is dropped as a whole, names included.
  if (nonce !== "" && nonce !== watch.nonceSent) return NOTHING;
  if (nonce !== "") {
    watch.nonceAcked = nonce;
    watch.lastError = "";
  }
  const added = subscribe.filter((name) => name === "*" || !watch.names.has(name));
  for (const name of request.resourceNamesUnsubscribe ?? []) watch.names.delete(name);
  for (const name of added) if (name !== "*") watch.names.add(name);
  if (subscribe.includes("*")) watch.wildcard = true;
  if (request.resourceNamesUnsubscribe?.includes("*") === true) watch.wildcard = false;
  if (added.includes("*")) return { kind: "all" };
  if (added.length > 0) return { kind: "names", names: added };
  const unsubscribes = (request.resourceNamesUnsubscribe ?? []).length > 0;
  return unsubscribes && answersUnsubscription(typeUrl) ? { kind: "names", names: [] } : NOTHING;
}
