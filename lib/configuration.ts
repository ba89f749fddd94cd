/**
 * Brings the discovery client and the snapshot store together: the client knows messages and no resource types, the
 * store knows resource types and no messages.
 *
 * @module
 */
import type { DiscoveredSecrets } from "./identity/discovered_secrets.ts";
import type { Clock } from "./internal/clock.ts";
import { inSlices } from "./internal/in_slices.ts";
import type { ResourceReport } from "./resource/resource_update.ts";
import type { SnapshotStore } from "./resource/snapshot_store.ts";
import type { ResourceKind } from "./resource/snapshot.ts";
import { decode } from "./protobuf/registry.ts";
import type { ResourceError, ResourceSink, ResourceUpdate, SubscriptionSource, Wanted } from "./xds/resource_sink.ts";
import { TYPE_URLS } from "./xds/type_urls.ts";

const KINDS: ReadonlyMap<string, ResourceKind> = new Map([
  [TYPE_URLS.CDS, "cluster"],
  [TYPE_URLS.EDS, "endpoint"],
  [TYPE_URLS.LDS, "listener"],
  [TYPE_URLS.RDS, "route"],
  [TYPE_URLS.ECDS, "extension"],
  [TYPE_URLS.NDS, "nameTable"],
]);

/** Types asked for by the names that others refer to. */
const REFERENCED = [[TYPE_URLS.EDS, "endpoint"], [TYPE_URLS.RDS, "route"], [TYPE_URLS.ECDS, "extension"]] as const;

/** Updates of more resources are taken in slice by slice. */
const AT_ONCE = 50;

/** What {@linkcode Configuration} works with. */
export interface ConfigurationOptions {
  readonly store: SnapshotStore;
  readonly clock: Clock;
  /** Takes the roots that the discovery service adds (PCDS), PEM; `null` does not ask for them. */
  readonly onRoots: ((pems: readonly string[]) => void) | null;
  /** Takes secrets and says which are wanted. */
  readonly secrets: DiscoveredSecrets;
}

/** Takes the resources of the discovery client in and says which are wanted. */
export class Configuration implements ResourceSink, SubscriptionSource {
  readonly #options: ConfigurationOptions;
  readonly #listeners = new Set<(typeUrl: string) => void>();

  /** @param options The store, and who takes roots. */
  constructor(options: ConfigurationOptions) {
    this.#options = options;
    // Both live as long as the mesh.
    options.secrets.onWanted(() => this.#changed(TYPE_URLS.SDS));
  }

  apply(typeUrl: string, update: ResourceUpdate): readonly ResourceError[] | Promise<readonly ResourceError[]> {
    const { store, clock, onRoots, secrets } = this.#options;
    if (typeUrl === TYPE_URLS.PCDS) return applyRoots(update, onRoots);
    if (typeUrl === TYPE_URLS.SDS) return secrets.apply(update);
    const kind = KINDS.get(typeUrl);
    if (kind === undefined) return [{ name: typeUrl, message: "This type was not subscribed to" }];
    const before = REFERENCED.map(([, kind]) => store.wanted(kind));
    const applied = (reports: readonly ResourceReport[]): ResourceError[] => {
      for (const [index, [type, kind]] of REFERENCED.entries()) {
        if (store.wanted(kind) !== before[index]) this.#changed(type);
      }
      return reports.flatMap(({ name, errors }) => errors.map((message) => ({ name, message })));
    };
    return update.changed.size <= AT_ONCE
      ? applied(store.apply(kind, update))
      : inSlices(store.applySteps(kind, update), clock).then(applied);
  }

  types(): Iterable<string> {
    const { onRoots, secrets } = this.#options;
    return [
      ...KINDS.keys(),
      ...(onRoots === null ? [] : [TYPE_URLS.PCDS]),
      // Few workloads have any, and a type nobody wants anything of is not subscribed to.
      ...(secrets.wanted.size === 0 ? [] : [TYPE_URLS.SDS]),
    ];
  }

  wanted(typeUrl: string): Wanted {
    switch (typeUrl) {
      case TYPE_URLS.EDS:
        return this.#options.store.wanted("endpoint");
      case TYPE_URLS.RDS:
        return this.#options.store.wanted("route");
      case TYPE_URLS.ECDS:
        return this.#options.store.wanted("extension");
      case TYPE_URLS.SDS:
        return this.#options.secrets.wanted;
      default:
        return "*";
    }
  }

  subscribe(listener: (typeUrl: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #changed(typeUrl: string): void {
    for (const listener of [...this.#listeners]) listener(typeUrl);
  }
}

function applyRoots(
  update: ResourceUpdate,
  onRoots: ((pems: readonly string[]) => void) | null,
): readonly ResourceError[] {
  const errors: ResourceError[] = [];
  for (const [name, bytes] of update.changed) {
    try {
      onRoots?.(decode("istio.mesh.v1alpha1.ProxyConfig", bytes).caCertificatesPem ?? []);
    } catch (error) {
      errors.push({ name, message: `Cannot read the root certificates: ${(error as Error).message}` });
    }
  }
  return errors;
}
