import { parseAllDocuments } from "yaml";
import { YAML_VARIABLES } from "../bootstrap/proxy_config.ts";
import { MeshError } from "../errors.ts";
import { Fields } from "./fields.ts";
import { type KindMap, KINDS } from "./kinds/all.ts";
import { type Kind, type ObjectMeta, parseMeta, type PushScope } from "./kinds/kind.ts";

/** Names an object. */
export interface ObjectRef {
  /** For example `Service`. */
  readonly kind: string;
  /** `metadata.name`. */
  readonly name: string;
  /** `metadata.namespace`. @default {"default"} */
  readonly namespace?: string;
}

/** An object with its metadata. */
export interface StoredObject<T> {
  readonly meta: ObjectMeta;
  readonly value: T;
  /** Number of the call that created it: what one call creates is of one age, and a change makes nothing younger. */
  readonly created: number;
  /** Number of the call that changed it last; one that changes nothing does not count. */
  readonly changed: number;
}

/** What one call changed. */
export interface StoreChange {
  readonly scopes: ReadonlySet<PushScope>;
}

interface Parsed {
  readonly kind: Kind<string, unknown>;
  readonly meta: ObjectMeta;
  readonly value: unknown;
}

/** The objects of the cluster, as users apply and delete them. */
export class ObjectStore {
  readonly #kinds = new Map<string, Map<string, StoredObject<unknown>>>();
  #calls = 0;

  /**
   * Takes one or more YAML documents. All of them are read before any takes effect.
   *
   * @throws {MeshError} `CONFIG_INVALID` for invalid YAML, an unknown kind, or a wrong field; `PERMISSION_MISSING`
   * naming the flag.
   */
  apply(yaml: string): StoreChange {
    const parsed = readDocuments(yaml).map(parseObject);
    const call = ++this.#calls;
    for (const { kind, meta, value } of parsed) {
      const objects = this.#of(kind.kind);
      const former = objects.get(key(meta));
      const same = former !== undefined && JSON.stringify(former.value) === JSON.stringify(value);
      const changed = same ? former.changed : call;
      objects.set(key(meta), { meta, value, created: former?.created ?? call, changed });
    }
    return changeOf(parsed.map((item) => item.kind));
  }

  /**
   * Removes an object, named by a reference or by the YAML it was applied from.
   *
   * @throws {MeshError} `CONFIG_INVALID` when there is no such object.
   */
  delete(ref: ObjectRef | string): StoreChange {
    const targets = typeof ref === "string" ? readDocuments(ref).map(refOf) : [ref];
    const kinds = targets.map((target) => {
      const kind = KINDS.get(target.kind);
      if (kind === undefined) throw unknownKind(target.kind);
      const namespace = kind.clusterScoped === true ? "" : target.namespace ?? "default";
      if (!this.#of(kind.kind).delete(key({ name: target.name, namespace }))) {
        throw new MeshError(
          "CONFIG_INVALID",
          `Cannot delete ${kind.kind} '${key({ name: target.name, namespace })}': it was never applied`,
        );
      }
      return kind;
    });
    return changeOf(kinds);
  }

  /** Every object of a kind, sorted by namespace and name. */
  all<K extends keyof KindMap>(kind: K): StoredObject<KindMap[K]>[] {
    const objects = this.#kinds.get(kind) ?? new Map();
    return [...objects.keys()].sort().map((name) => objects.get(name) as StoredObject<KindMap[K]>);
  }

  /** One object. */
  get<K extends keyof KindMap>(kind: K, namespace: string, name: string): StoredObject<KindMap[K]> | undefined {
    return this.#kinds.get(kind)?.get(key({ name, namespace })) as StoredObject<KindMap[K]> | undefined;
  }

  #of(kind: string): Map<string, StoredObject<unknown>> {
    let objects = this.#kinds.get(kind);
    if (objects === undefined) this.#kinds.set(kind, objects = new Map());
    return objects;
  }
}

function key(meta: { name: string; namespace: string }): string {
  return `${meta.namespace}/${meta.name}`;
}

function changeOf(kinds: readonly Kind<string, unknown>[]): StoreChange {
  return { scopes: new Set(kinds.flatMap((kind) => kind.pushes)) };
}

function readDocuments(yaml: string): unknown[] {
  const documents = parse(yaml);
  if (!Array.isArray(documents)) return [];
  const values: unknown[] = [];
  for (const document of documents) {
    const error = document.errors[0];
    if (error !== undefined) {
      throw new MeshError("CONFIG_INVALID", `Cannot read the YAML: ${error.message.trim()}`, { cause: error });
    }
    // At most 100 uses of one anchor: a document of a few lines must not expand without bound.
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value !== null && value !== undefined) values.push(...itemsOf(value));
  }
  return values;
}

function parse(yaml: string): ReturnType<typeof parseAllDocuments> {
  try {
    return parseAllDocuments(yaml, { logLevel: "silent" });
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotCapable)) throw cause;
    const message = "Cannot read the YAML: no permission for the variables that its parser reads, run with " +
      `--allow-env=${YAML_VARIABLES.join(",")}`;
    throw new MeshError("PERMISSION_MISSING", message, { cause });
  }
}

/** The objects of a `kind: List`, or the object itself. */
function itemsOf(value: unknown): unknown[] {
  const list = value as { kind?: unknown; items?: unknown };
  return list.kind === "List" && Array.isArray(list.items) ? list.items : [value];
}

function parseObject(value: unknown): Parsed {
  const { kind } = kindOf(value);
  const [meta, document] = parseMeta(kind.kind, value, kind.clusterScoped === true);
  return { kind, meta, value: kind.parse(meta, document) };
}

function refOf(value: unknown): ObjectRef {
  const { kind } = kindOf(value);
  const [meta] = parseMeta(kind.kind, value, kind.clusterScoped === true);
  return { kind: kind.kind, name: meta.name, namespace: meta.namespace };
}

function kindOf(value: unknown): { kind: Kind<string, unknown> } {
  const document = Fields.of(value, "the object");
  const name = document.requiredString("kind");
  const kind = KINDS.get(name);
  if (kind === undefined) throw unknownKind(name);
  const apiVersion = document.requiredString("apiVersion");
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  if (!kind.groups.includes(group)) {
    throw document.error("apiVersion", `does not belong to '${name}', current value is '${apiVersion}'`);
  }
  return { kind };
}

function unknownKind(name: string): MeshError {
  return new MeshError(
    "CONFIG_INVALID",
    `Cannot use kind '${name}': FakeIstiod knows ${[...KINDS.keys()].sort().join(", ")}; ` +
      "send anything else as xDS resources with istiod.push()",
  );
}
