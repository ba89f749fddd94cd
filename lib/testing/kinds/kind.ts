import { MeshError } from "../../errors.ts";
import { Fields } from "../fields.ts";

/** Which kinds of configuration a change of an object makes istiod push (seen on a live istiod). */
export type PushScope = "endpoints" | "clusters" | "listeners" | "routes" | "names" | "extensions";

/** What every object carries. */
export interface ObjectMeta {
  readonly name: string;
  /** Empty for kinds that live outside namespaces. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A kind of Kubernetes object that {@linkcode FakeIstiod.apply} takes. */
export interface Kind<Name extends string, T> {
  readonly kind: Name;
  /** API groups it may come from, `""` for the core group. */
  readonly groups: readonly string[];
  /** Whether objects of the kind live outside namespaces. */
  readonly clusterScoped?: boolean;
  /** What a change of an object makes istiod push. */
  readonly pushes: readonly PushScope[];
  /** Reads a document. Throws a `MeshError` that names the field that is wrong. */
  parse(meta: ObjectMeta, document: Fields): T;
}

/** Reads `metadata`. @throws {MeshError} `CONFIG_INVALID` when it has no name. */
export function parseMeta(kind: string, value: unknown, clusterScoped: boolean): [ObjectMeta, Fields] {
  const anonymous = Fields.of(value, `the ${kind}`);
  const metadata = anonymous.object("metadata");
  if (metadata === undefined) throw anonymous.error("metadata", "is required");
  const name = metadata.requiredString("name");
  const namespace = clusterScoped ? "" : metadata.string("namespace") ?? "default";
  const subject = `${kind} '${namespace === "" ? name : `${namespace}/${name}`}'`;
  const meta = { name, namespace, labels: metadata.stringMap("labels") };
  return [meta, Fields.of(value, subject)];
}

/** The `spec` of a document. */
export function specOf(document: Fields): Fields {
  const spec = document.object("spec");
  if (spec === undefined) throw document.error("spec", "is required");
  return spec;
}

/** Whether every label of the selector is there; an empty selector selects everything. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

/** Reads `selector.matchLabels`. */
export function parseSelector(spec: Fields): Record<string, string> {
  const selector = spec.object("selector");
  selector?.only("matchLabels");
  return selector?.stringMap("matchLabels") ?? {};
}

/** The fully qualified form of a host as a user writes it in a namespace. */
export function qualify(host: string, namespace: string, domain: string): string {
  return host.includes(".") || host === "*" ? host : `${host}.${namespace}.svc.${domain}`;
}

/** Refuses what the fake does not do. */
export function unsupported(what: string, hint: string): MeshError {
  return new MeshError("CONFIG_INVALID", `Cannot apply ${what}: it is not supported by FakeIstiod; ${hint}`);
}
