import type { StoredObject } from "./object_store.ts";

/** An object of a namespace. */
export interface Named<T> {
  readonly name: string;
  readonly namespace: string;
  /** Lower is older. */
  readonly created: number;
  readonly value: T;
}

/** An object without the rest of its metadata. */
export function named<T>({ meta, value, created }: StoredObject<T>): Named<T> {
  return { name: meta.name, namespace: meta.namespace, value, created };
}

/** istiod's order: the oldest first; of objects of one age the first by name, then by namespace. */
export function byAge(a: Named<unknown>, b: Named<unknown>): number {
  if (a.created !== b.created) return a.created - b.created;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.namespace === b.namespace ? 0 : a.namespace < b.namespace ? -1 : 1;
}
