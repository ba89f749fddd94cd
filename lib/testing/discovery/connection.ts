import { decode, encode } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigCoreV3Node,
  EnvoyServiceDiscoveryV3DeltaDiscoveryRequest as DeltaDiscoveryRequest,
  EnvoyServiceDiscoveryV3DiscoveryRequest as DiscoveryRequest,
} from "../../protobuf/gen/messages.ts";
import { isFixedCluster } from "../generate/clusters.ts";
import type { GeneratedResource } from "../generate/context.ts";
import { TYPE } from "../generate/generator.ts";
import type { PushScope } from "../kinds/kind.ts";
import { parseProxyNode, type ProxyNode } from "../proxy_node.ts";
import type { ServiceAccountIdentity } from "../tokens.ts";
import { deltaReaction } from "./delta_rules.ts";
import { GrpcStatusError } from "../../grpc/grpc_status_error.ts";
import { GrpcStatus } from "../../grpc/status.ts";
import { sotwReaction } from "./sotw_rules.ts";
import type { Reaction, Watch } from "./watch.ts";

/** Which of the two protocols a stream speaks. */
export type AdsProtocol = "delta" | "sotw";

/** Resources for a node: generated from objects, or pushed by hand. */
export interface ResourceSource {
  /** `undefined` for a type nobody has resources of: istiod then ends the stream. */
  resources(node: ProxyNode, typeUrl: string, names: Iterable<string>): GeneratedResource[] | undefined;
  /** Version of the whole configuration, `system_version_info`. */
  readonly version: string;
}

/** A refused response. */
export interface Nack {
  /** Who refused. */
  readonly nodeId: string;
  /** What it refused. */
  readonly typeUrl: string;
  /** Nonce of the response. */
  readonly nonce: string;
  /** gRPC status code in `error_detail`. */
  readonly code: number;
  /** Why, from `error_detail`. */
  readonly message: string;
}

/** What a connection reports. */
export interface ConnectionOwner {
  readonly source: ResourceSource;
  /** Sends an encoded response. */
  send(message: Uint8Array): void;
  nacked(nack: Nack): void;
}

const HEALTH = "type.googleapis.com/istio.v1.HealthInformation";
const PUSH_ORDER = [TYPE.cluster, TYPE.endpoint, TYPE.listener, TYPE.route, TYPE.nameTable, TYPE.extension];
const SCOPE_OF: ReadonlyMap<string, PushScope> = new Map([
  [TYPE.cluster, "clusters"],
  [TYPE.endpoint, "endpoints"],
  [TYPE.listener, "listeners"],
  [TYPE.route, "routes"],
  [TYPE.nameTable, "names"],
  [TYPE.extension, "extensions"],
]);

/**
 * One ADS stream: requests in, responses out, by istiod's rules. It knows no transport.
 *
 * States: *new* (no node yet) -> *known* (first request read) -> gone with its stream.
 */
export class DiscoveryConnection {
  readonly protocol: AdsProtocol;
  /** Who the client proved to be. */
  readonly identity: ServiceAccountIdentity;
  /** By type URL. */
  readonly watches = new Map<string, Watch>();
  /** Health as last reported by the client, `undefined` before. */
  health: "healthy" | "unhealthy" | undefined;
  readonly #owner: ConnectionOwner;
  #node: ProxyNode | null = null;
  #nonces = 0;

  /** @param identity From the token or the client certificate. */
  constructor(protocol: AdsProtocol, identity: ServiceAccountIdentity, owner: ConnectionOwner) {
    this.protocol = protocol;
    this.identity = identity;
    this.#owner = owner;
  }

  /** The node, `null` before the first request. */
  get node(): ProxyNode | null {
    return this.#node;
  }

  /**
   * Takes an encoded request and answers it.
   *
   * @throws {GrpcStatusError} What ends the stream: no node, a node that is not the caller's, an unknown type.
   */
  receive(message: Uint8Array): void {
    if (this.protocol === "delta") {
      const request = read(() => decode("envoy.service.discovery.v3.DeltaDiscoveryRequest", message));
      this.#handle(request, () => deltaReaction(this.watches, request));
    } else {
      const request = read(() => decode("envoy.service.discovery.v3.DiscoveryRequest", message));
      this.#handle(request, () => sotwReaction(this.watches, request));
    }
  }

  /** Whether every response has been answered by an ACK or a NACK. */
  get settled(): boolean {
    for (const watch of this.watches.values()) {
      // Nobody acknowledges an answer to a question.
      if (watch.typeUrl.startsWith("istio.io/debug")) continue;
      if (watch.nonceSent !== watch.nonceAcked && watch.nonceSent !== watch.nonceNacked) return false;
    }
    return true;
  }

  /** Sends what a change of objects makes istiod send. */
  push(scopes: ReadonlySet<PushScope>): void {
    const changedClusters = this.#pushClusters(scopes.has("clusters"));
    for (const typeUrl of PUSH_ORDER) {
      const watch = this.watches.get(typeUrl);
      if (watch === undefined || typeUrl === TYPE.cluster) continue;
      if (typeUrl === TYPE.endpoint) this.#pushEndpoints(watch, changedClusters);
      else if (scopes.has(SCOPE_OF.get(typeUrl)!) && (watch.wildcard || watch.names.size > 0)) this.#sendAll(watch);
    }
  }

  /** Sends everything of a type again: after resources were pushed by hand. */
  pushType(typeUrl: string): void {
    const watch = this.watches.get(typeUrl);
    if (watch !== undefined) this.#sendAll(watch);
  }

  #handle(request: DeltaDiscoveryRequest | DiscoveryRequest, reactionOf: () => Reaction): void {
    const typeUrl = request.typeUrl ?? "";
    if (typeUrl === HEALTH) {
      // istiod ignores it as the first request of a stream.
      if (this.#node !== null) this.health = request.errorDetail === undefined ? "healthy" : "unhealthy";
      return;
    }
    this.#node ??= this.#identify(request.node);
    const reaction = reactionOf();
    const watch = this.watches.get(typeUrl);
    if (reaction.kind === "none") {
      if (reaction.nack === true) this.#recordNack(request);
      return;
    }
    if (reaction.kind === "all") this.#sendAll(watch!);
    else this.#send(watch!, this.#resources(typeUrl, reaction.names), []);
    if (typeUrl === TYPE.cluster) this.#forceEndpoints();
  }

  #identify(node: EnvoyConfigCoreV3Node | undefined): ProxyNode {
    if (node?.id === undefined || node.id === "") {
      throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, "missing node information");
    }
    let proxy: ProxyNode;
    try {
      proxy = parseProxyNode(node);
    } catch (error) {
      throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, (error as Error).message);
    }
    const identity = this.identity;
    if (identity.namespace !== proxy.namespace) {
      throw new GrpcStatusError(
        GrpcStatus.PERMISSION_DENIED,
        `no identities in namespace '${proxy.namespace}' matched`,
      );
    }
    if (proxy.serviceAccount !== undefined && proxy.serviceAccount !== identity.serviceAccount) {
      throw new GrpcStatusError(
        GrpcStatus.PERMISSION_DENIED,
        `no identities with service account '${proxy.serviceAccount}' matched`,
      );
    }
    return proxy;
  }

  /** Envoy keeps a cluster warming until its endpoints arrive: every CDS request is followed by EDS. */
  #forceEndpoints(): void {
    const watch = this.watches.get(TYPE.endpoint);
    if (watch === undefined) return;
    if (this.protocol === "sotw") watch.alwaysRespond = true;
    else if (watch.names.size > 0) this.#sendAll(watch);
  }

  #pushClusters(forced: boolean): Set<string> {
    const watch = this.watches.get(TYPE.cluster);
    if (watch === undefined) return new Set();
    const all = this.#resources(TYPE.cluster, watch.names);
    const changed = new Set(
      all.filter((item) => !isSame(watch.sent.get(item.name), item.value)).map(({ name }) => name),
    );
    const removed = missing(watch, all);
    if (!forced && changed.size === 0 && removed.length === 0) return changed;
    if (this.protocol === "sotw") this.#send(watch, all, removed);
    else this.#send(watch, all.filter(({ name }) => changed.has(name) || isFixedCluster(name)), removed);
    return changed;
  }

  #pushEndpoints(watch: Watch, changedClusters: ReadonlySet<string>): void {
    const all = this.#resources(TYPE.endpoint, watch.names);
    const changed = all.filter(({ name, value }) => changedClusters.has(name) || !isSame(watch.sent.get(name), value));
    if (changed.length > 0) this.#send(watch, changed, []);
  }

  #sendAll(watch: Watch): void {
    const all = this.#resources(watch.typeUrl, watch.names);
    this.#send(watch, all, watch.wildcard ? missing(watch, all) : []);
  }

  #resources(typeUrl: string, names: Iterable<string>): GeneratedResource[] {
    const resources = this.#owner.source.resources(this.#node!, typeUrl, names);
    if (resources !== undefined) return resources;
    throw new GrpcStatusError(
      GrpcStatus.PERMISSION_DENIED,
      `api generator is restricted: type '${typeUrl}' has no generator`,
    );
  }

  #send(watch: Watch, resources: readonly GeneratedResource[], removed: readonly string[]): void {
    const { typeUrl } = watch;
    const version = this.#owner.source.version;
    const nonce = `${version}/${++this.#nonces}`;
    for (const { name, value } of resources) watch.sent.set(name, value);
    for (const name of removed) watch.sent.delete(name);
    watch.nonceSent = nonce;
    const payload = (item: GeneratedResource) => ({ typeUrl: item.typeUrl ?? typeUrl, value: item.value });
    this.#owner.send(
      this.protocol === "delta"
        ? encode("envoy.service.discovery.v3.DeltaDiscoveryResponse", {
          systemVersionInfo: version,
          typeUrl,
          nonce,
          resources: resources.map((item) => ({ name: item.name, resource: payload(item) })),
          removedResources: [...removed],
        })
        : encode("envoy.service.discovery.v3.DiscoveryResponse", {
          versionInfo: version,
          typeUrl,
          nonce,
          resources: resources.map(payload),
        }),
    );
  }

  #recordNack(request: DeltaDiscoveryRequest | DiscoveryRequest): void {
    this.#owner.nacked({
      nodeId: this.#node!.id,
      typeUrl: request.typeUrl ?? "",
      nonce: request.responseNonce ?? "",
      code: request.errorDetail?.code ?? 0,
      message: request.errorDetail?.message ?? "",
    });
  }
}

function read<T>(decodeRequest: () => T): T {
  try {
    return decodeRequest();
  } catch (error) {
    throw new GrpcStatusError(GrpcStatus.INTERNAL, `cannot read the request: ${(error as Error).message}`);
  }
}

/** Names that were sent and are no more. */
function missing(watch: Watch, all: readonly GeneratedResource[]): string[] {
  const names = new Set(all.map((item) => item.name));
  return [...watch.sent.keys()].filter((name) => !names.has(name)).sort();
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, index) => byte === b[index]);
}
