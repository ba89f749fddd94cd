import { selects } from "./kinds/kind.ts";
import type { ExtensionPhase, TrafficExtension } from "./kinds/traffic_extension.ts";
import type { ObjectStore, StoredObject } from "./object_store.ts";

/** An extension with its names. */
export interface NamedExtension {
  /** Name of its filter and of its resource. */
  readonly resource: string;
  /** Name of its plugin, `NAMESPACE.NAME`. */
  readonly name: string;
  readonly namespace: string;
  /** Changes with each change of the object, as Kubernetes' resource version does. */
  readonly version: string;
  readonly value: TrafficExtension;
}

/** A place in a listener that extensions may stand at. */
export interface ExtensionPlace {
  readonly direction: "inbound" | "outbound";
  /** Port of the service (outbound) or the workload (inbound); 0 for what belongs to none. */
  readonly port: number;
  /** Whether the filters of connections are meant, or those of requests. */
  readonly network: boolean;
}

/** Whom extensions are looked up for. */
export interface ExtensionTarget {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

const PREFIX = "extensions.istio.io/trafficextension/";
/** What istiod appends to the name of a TrafficExtension that it made of a WasmPlugin. */
const TRANSLATED = "~istio-translated-wasmplugin";
/** In the order of the chain. */
const PHASES: readonly ExtensionPhase[] = ["AUTHN", "AUTHZ", "STATS", "UNSPECIFIED_PHASE"];

/** The extensions of a mesh, found as istiod finds them. */
export class TrafficExtensions {
  /** The oldest first, those of one age by name. */
  readonly #all: readonly NamedExtension[];
  readonly #root: string;

  /** @param root The root namespace. */
  constructor(store: ObjectStore, root: string) {
    this.#root = root;
    const created = new Map<NamedExtension, number>();
    const add = (suffix: string) => (object: StoredObject<TrafficExtension>) => {
      const extension = namedExtension(object, suffix);
      created.set(extension, object.created);
      return extension;
    };
    this.#all = [
      ...store.all("TrafficExtension").map(add("")),
      ...store.all("WasmPlugin").map(add(TRANSLATED)),
    ].sort((a, b) => created.get(a)! - created.get(b)! || (a.name < b.name ? -1 : 1));
  }

  /** The extensions of a workload at a place, in the order of the chain. */
  at({ namespace, labels }: ExtensionTarget, place: ExtensionPlace): NamedExtension[] {
    const found = [...new Set([namespace, this.#root])].flatMap((scope) =>
      this.#all.filter((extension) =>
        extension.namespace === scope && extension.value.wasm.network === place.network &&
        selects(extension.value.selector, labels) && matches(extension.value, place)
      )
    );
    const priority = ({ value }: NamedExtension) => value.priority ?? -Infinity;
    return PHASES.flatMap((phase) =>
      found.filter(({ value }) => value.phase === phase).sort((a, b) =>
        priority(a) === priority(b) ? 0 : priority(b) - priority(a)
      )
    );
  }

  /** The extension of a resource's name, which a workload sees in its own namespace and in the root. */
  named(resource: string, namespace: string): NamedExtension | undefined {
    return this.#all.find((extension) =>
      extension.resource === resource && (extension.namespace === namespace || extension.namespace === this.#root)
    );
  }
}

function namedExtension(
  { meta: { name, namespace }, changed, value }: StoredObject<TrafficExtension>,
  suffix: string,
): NamedExtension {
  const plugin = `${namespace}.${name}${suffix}`;
  return { resource: `${PREFIX}${plugin}`, name: plugin, namespace, version: String(changed), value };
}

function matches({ match }: TrafficExtension, { direction, port }: ExtensionPlace): boolean {
  const other = direction === "inbound" ? "CLIENT" : "SERVER";
  return match.length === 0 ||
    match.some(({ mode, ports }) => mode !== other && (ports.length === 0 || ports.includes(port)));
}
