import type { Clock, Timer } from "../../internal/clock.ts";
import { MeshError } from "../../errors.ts";
import { encode, isKnownMessage, messageName, typeUrl as urlOf } from "../../protobuf/registry.ts";
import type { Faults } from "../faults.ts";
import type { GeneratedResource } from "../generate/context.ts";
import { generate } from "../generate/generator.ts";
import type { PushScope } from "../kinds/kind.ts";
import { type MeshSettings, MeshView } from "../mesh_view.ts";
import type { ObjectStore, StoreChange } from "../object_store.ts";
import type { ProxyNode } from "../proxy_node.ts";
import { ServiceMemory } from "../service_memory.ts";
import type { ServiceAccountIdentity } from "../tokens.ts";
import type { AdsProtocol, DiscoveryConnection, Nack, ResourceSource } from "./connection.ts";
import { DiscoveryStream, type StreamOutput } from "./discovery_stream.ts";
import { GrpcStatusError } from "../../grpc/grpc_status_error.ts";
import { GrpcStatus } from "../../grpc/status.ts";
import { syncStatus, SYNCZ } from "./syncz.ts";
import { isWildcardType } from "./watch.ts";

/** A resource sent by hand. */
export interface PushedResource {
  /** Name of the resource; it replaces a generated one of that name. */
  readonly name: string;
  /** Fields of the message, camelCase, as `lib/protobuf` reads them; or its bytes, which may be malformed. */
  readonly value: object | Uint8Array;
  /** Type URL inside the `Any`, to test a client with a wrong one. @default {the type that is pushed} */
  readonly typeUrl?: string;
}

/** What a client watches of one type. */
export interface ClientType {
  /** Names subscribed to; empty for a type that is watched as a whole. */
  readonly names: readonly string[];
  /** Nonce of the last response, `""` before the first. */
  readonly nonceSent: string;
  /** Nonce of the last response the client accepted. */
  readonly nonceAcked: string;
  /** Nonce of the last response the client refused. */
  readonly nonceNacked: string;
  /** Why the client refused the last response, `""` when it did not. */
  readonly lastError: string;
}

/** A connected client as istiod sees it. */
export interface IstiodClient {
  /** Its node id. */
  readonly nodeId: string;
  /** Which protocol its stream speaks. */
  readonly protocol: AdsProtocol;
  /** From the client certificate or the token. */
  readonly identity: ServiceAccountIdentity;
  /** Health as the client last reported it, `undefined` before. */
  readonly health: "healthy" | "unhealthy" | undefined;
  /** By type URL. */
  readonly types: ReadonlyMap<string, ClientType>;
}

/** Types that istiod knows and the fake has resources of only when they are pushed by hand. */
const ON_DEMAND: ReadonlySet<string> = new Set([
  urlOf("envoy.extensions.transport_sockets.tls.v3.Secret"),
  urlOf("envoy.config.core.v3.TypedExtensionConfig"),
  urlOf("istio.workload.Address"),
  urlOf("istio.workload.Workload"),
  urlOf("istio.security.Authorization"),
]);

/** Settings of {@linkcode DiscoveryService}. */
export interface DiscoveryServiceOptions {
  readonly store: ObjectStore;
  readonly settings: MeshSettings;
  readonly faults: Faults;
  readonly clock: Clock;
  /** Milliseconds to collect changes before they are pushed. */
  readonly debounceMs: number;
}

/** The discovery service without its transport: streams are opened with something that sends bytes. */
export class DiscoveryService implements ResourceSource {
  /** Every response a client refused, oldest first. */
  readonly nacks: Nack[] = [];
  readonly #options: DiscoveryServiceOptions;
  readonly #streams = new Set<DiscoveryStream>();
  readonly #pushed = new Map<string, Map<string, GeneratedResource>>();
  readonly #waiting = new Set<{ predicate: () => boolean; resolve: () => void; reject: (error: Error) => void }>();
  readonly #scopes = new Set<PushScope>();
  #debounce: Timer | null = null;
  #view: MeshView | null = null;
  readonly #memory = new ServiceMemory();
  #pushes = 0;

  /** @param options What it works with. */
  constructor(options: DiscoveryServiceOptions) {
    this.#options = options;
  }

  /** Changes with each push, as `system_version_info` does. */
  get version(): string {
    return String(this.#pushes + 1);
  }

  /** The clients that have sent a request, in the order they came. */
  get clients(): IstiodClient[] {
    return [...this.#streams].map((stream) => stream.connection).filter(({ node }) => node !== null).map(describe);
  }

  /** Opens a stream. */
  open(protocol: AdsProtocol, identity: ServiceAccountIdentity, output: StreamOutput): DiscoveryStream {
    const stream = new DiscoveryStream(protocol, identity, output, {
      source: this,
      clock: this.#options.clock,
      faults: this.#options.faults,
      nacked: (nack) => this.nacks.push(nack),
      changed: () => this.#notify(),
      closed: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Pushes what follows from a change of objects, after the debounce time. */
  changed({ scopes }: StoreChange): void {
    this.#view = null;
    for (const scope of scopes) this.#scopes.add(scope);
    if (this.#scopes.size === 0) return;
    this.#debounce ??= this.#options.clock.timer(this.#options.debounceMs, () => this.#flush());
  }

  /**
   * Sends resources by hand; they stay, in place of generated ones of the same name, until they are withdrawn.
   *
   * @throws {MeshError} `CONFIG_INVALID` when a message of that type cannot be encoded here.
   */
  push(typeUrl: string, resources: readonly PushedResource[]): void {
    let pushed = this.#pushed.get(typeUrl);
    if (pushed === undefined) this.#pushed.set(typeUrl, pushed = new Map());
    for (const { name, value, typeUrl: own } of resources) {
      const bytes = value instanceof Uint8Array ? value : encodeMessage(own ?? typeUrl, value);
      pushed.set(name, { name, value: bytes, ...(own === undefined ? {} : { typeUrl: own }) });
    }
    this.#resend(typeUrl);
  }

  /** Takes resources that were pushed by hand back: all of a type, or those named. */
  withdraw(typeUrl: string, names?: readonly string[]): void {
    const pushed = this.#pushed.get(typeUrl);
    for (const name of names ?? [...pushed?.keys() ?? []]) pushed?.delete(name);
    this.#resend(typeUrl);
  }

  /** Resources of a type for a node: generated ones, overlaid by those pushed by hand. */
  resources(node: ProxyNode, typeUrl: string, names: Iterable<string>): GeneratedResource[] | undefined {
    if (typeUrl === SYNCZ) {
      const connections = [...this.#streams].map((stream) => stream.connection);
      return syncStatus(node, this.#options.settings.rootNamespace, connections);
    }
    this.#view ??= new MeshView(this.#options.store, this.#options.settings, this.#memory);
    const wanted = new Set(names);
    const generated = generate({ view: this.#view, node }, typeUrl, wanted);
    const pushed = this.#pushed.get(typeUrl);
    if (generated === undefined && pushed === undefined) return ON_DEMAND.has(typeUrl) ? [] : undefined;
    const all = new Map((generated ?? []).map((item) => [item.name, item]));
    for (const [name, item] of pushed ?? []) if (isWildcardType(typeUrl) || wanted.has(name)) all.set(name, item);
    return [...all.values()];
  }

  /**
   * Resolves as soon as the condition holds; it is looked at after every event.
   *
   * @throws {MeshError} `MESH_CLOSED` when the service is closed before.
   */
  until(predicate: () => boolean): Promise<void> {
    if (predicate()) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.add({ predicate, resolve, reject }));
  }

  /** Resolves when no push is due and every client has answered everything it was sent. */
  settled(): Promise<void> {
    return this.until(() => this.#scopes.size === 0 && [...this.#streams].every((stream) => stream.settled));
  }

  /** Ends every stream with `UNAVAILABLE`, and everything that waits. */
  close(): void {
    this.#debounce?.cancel();
    this.#debounce = null;
    for (const stream of [...this.#streams]) {
      stream.fail(new GrpcStatusError(GrpcStatus.UNAVAILABLE, "istiod is shutting down"));
    }
    const closed = new MeshError("MESH_CLOSED", "Cannot wait any longer: FakeIstiod was closed");
    for (const { reject } of this.#waiting) reject(closed);
    this.#waiting.clear();
  }

  #flush(): void {
    this.#debounce = null;
    const scopes = new Set(this.#scopes);
    this.#scopes.clear();
    this.#pushes++;
    for (const stream of [...this.#streams]) stream.act((connection) => connection.push(scopes));
    this.#notify();
  }

  #resend(typeUrl: string): void {
    this.#pushes++;
    for (const stream of [...this.#streams]) stream.act((connection) => connection.pushType(typeUrl));
    this.#notify();
  }

  #notify(): void {
    for (const waiter of [...this.#waiting]) {
      if (!waiter.predicate()) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }
}

function encodeMessage(typeUrl: string, value: object): Uint8Array {
  const name = messageName(typeUrl);
  if (!isKnownMessage(name)) {
    throw new MeshError("CONFIG_INVALID", `Cannot encode '${name}': it is not in the descriptors, push its bytes`);
  }
  return encode(name, value);
}

function describe(connection: DiscoveryConnection): IstiodClient {
  const types = new Map<string, ClientType>();
  for (const [typeUrl, { names, nonceSent, nonceAcked, nonceNacked, lastError }] of connection.watches) {
    types.set(typeUrl, { names: [...names], nonceSent, nonceAcked, nonceNacked, lastError });
  }
  return {
    nodeId: connection.node!.id,
    protocol: connection.protocol,
    identity: connection.identity,
    health: connection.health,
    types,
  };
}
