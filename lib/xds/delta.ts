import type {
  EnvoyConfigCoreV3Node,
  EnvoyServiceDiscoveryV3DeltaDiscoveryRequest as DeltaRequest,
  EnvoyServiceDiscoveryV3DeltaDiscoveryResponse as DeltaResponse,
} from "../protobuf/gen/messages.ts";
import type { DiscoveryMachine, Received, Ticket } from "./discovery_machine.ts";
import { errorDetail } from "./error_detail.ts";
import type { ResourceError, SubscriptionSource } from "./resource_sink.ts";
import { type Names, SubscriptionGate } from "./subscription_gate.ts";
import { isSingleton } from "./type_urls.ts";

interface DeltaTicket extends Ticket {
  /** Versions of the resources of the response. */
  readonly versions: ReadonlyMap<string, string>;
  readonly removed: readonly string[];
}

/**
 * Delta ADS (`DeltaAggregatedResources`), as Envoy and ztunnel speak it with istiod. See
 * {@linkcode DiscoveryMachine} for the states.
 *
 * A response may be a difference or the full set; a resource is gone only when `removed_resources` says so.
 */
export class DeltaMachine implements DiscoveryMachine<DeltaRequest, DeltaResponse> {
  readonly #gate: SubscriptionGate;
  /** Versions of what is held, by type and name: survives streams, declared on the next one. */
  readonly #held = new Map<string, Map<string, string>>();
  /** Names declared on this stream, by type; a type without entry is UNREQUESTED. */
  readonly #declared = new Map<string, Names>();
  #stream = 0;
  #open = false;
  #node: EnvoyConfigCoreV3Node | null = null;
  /** Responses whose outcome is outstanding: what they change is requested after their ACK. */
  #applying = 0;

  /** @param source What to subscribe to. */
  constructor(source: SubscriptionSource) {
    this.#gate = new SubscriptionGate(source);
  }

  // ## CLOSED => OPEN

  /** Declares everything wanted, with the versions of what is held. */
  opened(node: EnvoyConfigCoreV3Node): DeltaRequest[] {
    this.closed();
    this.#stream++;
    this.#open = true;
    this.#node = node;
    return this.#reconcile();
  }

  // ## OPEN => CLOSED

  /** Forgets what the stream knew; what is held stays held. */
  closed(): void {
    this.#open = false;
    this.#applying = 0;
    this.#declared.clear();
  }

  // ## OPEN: REQUESTED => ANSWERED

  /** Sorts a response into what changed and what is gone. */
  received(response: DeltaResponse): Received {
    const typeUrl = response.typeUrl ?? "";
    const nonce = response.nonce ?? "";
    const declared = this.#declared.get(typeUrl);
    if (!this.#open || declared === undefined) {
      return { kind: "ignored", reason: `type '${typeUrl}' was not requested on this stream` };
    }
    this.#gate.answered(typeUrl);
    const changed = new Map<string, Uint8Array>();
    const versions = new Map<string, string>();
    const errors: ResourceError[] = [];
    // A name unsubscribed from may still be in a response that was on its way.
    const wanted = (name: string) => declared.has("*") || declared.has(name);
    for (const { name = "", version = "", resource } of response.resources ?? []) {
      if (!wanted(name)) continue;
      versions.set(name, version);
      if (changed.has(name)) errors.push({ name, message: "Cannot use the resource: it is in the response twice" });
      else if (resource?.typeUrl !== typeUrl) errors.push({ name, message: wrongType(resource?.typeUrl) });
      else changed.set(name, resource.value ?? new Uint8Array());
    }
    const removed = (response.removedResources ?? []).filter((name) => wanted(name) && !versions.has(name));
    const ticket: DeltaTicket = { typeUrl, nonce, stream: this.#stream, versions, removed };
    this.#applying++;
    const version = response.systemVersionInfo ?? "";
    return { kind: "update", ticket, update: { changed, removed, full: false, version }, errors };
  }

  /** ACK or NACK of that nonce, then, as requests of their own, new subscriptions. */
  applied(ticket: Ticket, errors: readonly ResourceError[]): DeltaRequest[] {
    const { typeUrl, nonce, stream, versions, removed } = ticket as DeltaTicket;
    this.#remember(typeUrl, versions, removed, errors);
    if (!this.#open || stream !== this.#stream) return [];
    this.#applying--;
    // Without a nonce an answer would be taken for a new subscription, and answered with everything again.
    const answer = nonce === "" ? [] : [this.#request({
      typeUrl,
      responseNonce: nonce,
      ...(errors.length === 0 ? {} : { errorDetail: errorDetail(errors) }),
    })];
    return [...answer, ...this.#reconcile()];
  }

  // ## OPEN: UNREQUESTED => REQUESTED, and changes of what is requested

  /** Subscribes and unsubscribes; waits while a response is being applied. */
  changed(): DeltaRequest[] {
    return this.#open && this.#applying === 0 ? this.#reconcile() : [];
  }

  #reconcile(): DeltaRequest[] {
    const requests: DeltaRequest[] = [];
    for (const typeUrl of this.#gate.order(this.#declared.keys())) {
      const wanted = this.#gate.wanted(typeUrl);
      const declared = this.#declared.get(typeUrl);
      if (declared === undefined) {
        // An empty first subscription would mean everything.
        if (wanted.size === 0 || !this.#gate.open(typeUrl, this.#declared)) continue;
        requests.push(this.#first(typeUrl, wanted));
      } else {
        if (wanted === declared) continue;
        const request = this.#difference(typeUrl, declared, wanted);
        if (request !== null) requests.push(request);
      }
      this.#declared.set(typeUrl, wanted);
    }
    return requests;
  }

  #first(typeUrl: string, wanted: Names): DeltaRequest {
    const held = this.#held.get(typeUrl);
    for (const name of held?.keys() ?? []) if (!wanted.has("*") && !wanted.has(name)) held?.delete(name);
    return this.#request({
      typeUrl,
      ...(isSingleton(typeUrl) ? {} : { resourceNamesSubscribe: [...wanted] }),
      ...(held === undefined || held.size === 0 ? {} : { initialResourceVersions: Object.fromEntries(held) }),
    });
  }

  #difference(typeUrl: string, declared: Names, wanted: Names): DeltaRequest | null {
    const subscribe = [...wanted].filter((name) => !declared.has(name));
    const unsubscribe = [...declared].filter((name) => !wanted.has(name));
    if (subscribe.length === 0 && unsubscribe.length === 0) return null;
    const held = this.#held.get(typeUrl);
    for (const name of unsubscribe) {
      if (name === "*") held?.clear();
      else held?.delete(name);
    }
    return this.#request({
      typeUrl,
      ...(subscribe.length === 0 ? {} : { resourceNamesSubscribe: subscribe }),
      ...(unsubscribe.length === 0 ? {} : { resourceNamesUnsubscribe: unsubscribe }),
    });
  }

  /**
   * A refused resource is remembered without a version: the server must be told that its name is known here (so that a
   * removal is reported), and must not see a version that makes it skip the resource.
   */
  #remember(
    typeUrl: string,
    versions: ReadonlyMap<string, string>,
    removed: readonly string[],
    errors: readonly ResourceError[],
  ): void {
    let held = this.#held.get(typeUrl);
    if (held === undefined) this.#held.set(typeUrl, held = new Map());
    for (const [name, version] of versions) held.set(name, version);
    for (const { name } of errors) if (versions.has(name)) held.set(name, "");
    for (const name of removed) held.delete(name);
  }

  #request(request: DeltaRequest): DeltaRequest {
    if (this.#node === null) return request;
    const first = { node: this.#node, ...request };
    this.#node = null;
    return first;
  }
}

function wrongType(actual: string | undefined): string {
  return `Cannot use the resource: its type does not match the response, current type is '${actual ?? ""}'`;
}
