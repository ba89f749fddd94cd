import type {
  EnvoyConfigCoreV3Node,
  EnvoyServiceDiscoveryV3DiscoveryRequest as SotwRequest,
  EnvoyServiceDiscoveryV3DiscoveryResponse as SotwResponse,
} from "../protobuf/gen/messages.ts";
import type { DiscoveryMachine, Received, Ticket } from "./discovery_machine.ts";
import { errorDetail } from "./error_detail.ts";
import type { ResourceError, SubscriptionSource } from "./resource_sink.ts";
import { resourceName } from "./resource_name.ts";
import { type Names, SubscriptionGate } from "./subscription_gate.ts";
import { isCompleteInSotw, isSingleton } from "./type_urls.ts";

interface SotwTicket extends Ticket {
  readonly version: string;
  readonly names: readonly string[];
  readonly removed: readonly string[];
}

interface Declared {
  /** Names of the last request on this stream. */
  names: Names;
  /** Nonce of the newest response on this stream; empty while there is none. */
  nonce: string;
}

/**
 * State-of-the-world ADS (`StreamAggregatedResources`) as istiod serves it. See {@linkcode DiscoveryMachine} for the
 * states.
 *
 * Responses of clusters and listeners are complete: what is absent is gone. Those of endpoints, routes and other named
 * types hold what changed or was added: they are merged, and nothing is ever gone.
 */
export class SotwMachine implements DiscoveryMachine<SotwRequest, SotwResponse> {
  readonly #gate: SubscriptionGate;
  /** Names held of the complete types: what the next response lacks of them is gone. */
  readonly #held = new Map<string, Set<string>>();
  /** The last version accepted, by type; survives streams. */
  readonly #versions = new Map<string, string>();
  /** What was requested on this stream; a type without entry is UNREQUESTED. */
  readonly #declared = new Map<string, Declared>();
  #stream = 0;
  #open = false;
  #node: EnvoyConfigCoreV3Node | null = null;
  #applying = 0;

  /** @param source What to subscribe to. */
  constructor(source: SubscriptionSource) {
    this.#gate = new SubscriptionGate(source);
  }

  // ## CLOSED => OPEN

  /** Declares everything wanted, with the versions last accepted. */
  opened(node: EnvoyConfigCoreV3Node): SotwRequest[] {
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

  /** Names the resources of a response; for complete types also what is gone. */
  received(response: SotwResponse): Received {
    const typeUrl = response.typeUrl ?? "";
    const nonce = response.nonce ?? "";
    const declared = this.#declared.get(typeUrl);
    if (!this.#open || declared === undefined) {
      return { kind: "ignored", reason: `type '${typeUrl}' was not requested on this stream` };
    }
    this.#gate.answered(typeUrl);
    // From here on every request carries this nonce: one with an older nonce would be ignored.
    declared.nonce = nonce;
    const changed = new Map<string, Uint8Array>();
    const names = new Set<string>();
    const errors: ResourceError[] = [];
    let allNamed = true;
    (response.resources ?? []).forEach((any, index) => {
      const bytes = any.value ?? new Uint8Array();
      let name: string;
      try {
        if (any.typeUrl !== typeUrl) {
          throw new TypeError(
            `Cannot use the resource: its type does not match the response, current type is '${any.typeUrl ?? ""}'`,
          );
        }
        name = resourceName(typeUrl, bytes);
      } catch (error) {
        allNamed = false;
        errors.push({ name: `resource ${index}`, message: (error as Error).message });
        return;
      }
      if (!declared.names.has("*") && !declared.names.has(name)) return;
      if (names.has(name)) {
        errors.push({ name, message: "Cannot use the resource: it is in the response twice" });
        return;
      }
      names.add(name);
      changed.set(name, bytes);
    });
    const full = isCompleteInSotw(typeUrl) && allNamed;
    // With an unnamed resource nobody can tell what is absent: better an old resource too many than a live one lost.
    const removed = full ? [...this.#held.get(typeUrl) ?? []].filter((name) => !names.has(name)) : [];
    const version = response.versionInfo ?? "";
    const ticket: SotwTicket = {
      typeUrl,
      nonce,
      stream: this.#stream,
      version,
      names: [...names],
      removed,
    };
    this.#applying++;
    return { kind: "update", ticket, update: { changed, removed, full, version }, errors };
  }

  /** ACK or NACK of that nonce with the names as declared before, then new subscriptions. */
  applied(ticket: Ticket, errors: readonly ResourceError[]): SotwRequest[] {
    const { typeUrl, nonce, stream, version, names, removed } = ticket as SotwTicket;
    this.#remember(typeUrl, names, removed);
    if (errors.length === 0) this.#versions.set(typeUrl, version);
    if (!this.#open || stream !== this.#stream) return [];
    this.#applying--;
    const declared = this.#declared.get(typeUrl);
    const answer = nonce === "" || declared === undefined
      ? []
      : [this.#request(typeUrl, declared.names, nonce, errors)];
    return [...answer, ...this.#reconcile()];
  }

  // ## OPEN: UNREQUESTED => REQUESTED, and changes of what is requested

  /** Sends the new list of names of each type whose names changed; waits while a response is being applied. */
  changed(): SotwRequest[] {
    return this.#open && this.#applying === 0 ? this.#reconcile() : [];
  }

  #reconcile(): SotwRequest[] {
    const requests: SotwRequest[] = [];
    for (const typeUrl of this.#gate.order(this.#declared.keys())) {
      const wanted = this.#gate.wanted(typeUrl);
      const declared = this.#declared.get(typeUrl);
      if (declared === undefined) {
        if (wanted.size === 0 || !this.#gate.open(typeUrl, this.#declared)) continue;
        this.#declared.set(typeUrl, { names: new Set(wanted), nonce: "" });
        requests.push(this.#request(typeUrl, wanted, ""));
      } else if (declared.names.size !== wanted.size || [...wanted].some((name) => !declared.names.has(name))) {
        declared.names = new Set(wanted);
        // An empty list is everything for a complete type: there is no way to want less of it on this stream.
        if (wanted.size === 0 && isCompleteInSotw(typeUrl)) continue;
        requests.push(this.#request(typeUrl, wanted, declared.nonce));
      }
    }
    return requests;
  }

  #remember(typeUrl: string, names: readonly string[], removed: readonly string[]): void {
    if (!isCompleteInSotw(typeUrl)) return;
    let held = this.#held.get(typeUrl);
    if (held === undefined) this.#held.set(typeUrl, held = new Set());
    for (const name of names) held.add(name);
    for (const name of removed) held.delete(name);
  }

  #request(typeUrl: string, names: Names, nonce: string, errors: readonly ResourceError[] = []): SotwRequest {
    const node = this.#node;
    this.#node = null;
    const version = this.#versions.get(typeUrl) ?? "";
    return {
      ...(node === null ? {} : { node }),
      typeUrl,
      ...(isSingleton(typeUrl) ? {} : { resourceNames: [...names] }),
      ...(version === "" ? {} : { versionInfo: version }),
      ...(nonce === "" ? {} : { responseNonce: nonce }),
      ...(errors.length === 0 ? {} : { errorDetail: errorDetail(errors) }),
    };
  }
}
