import type { FailureLog } from "./failure_log.ts";
import { ResourceTable } from "./resource_table.ts";
import type { ResourceReport } from "./resource_update.ts";
import { type ResourceType, validateResource, type Validation } from "./resource_validator.ts";
import type { ResourceVersion } from "./resource_version.ts";

/** What {@linkcode ReferencedResources} works with. */
export interface ReferencedResourcesOptions<T> {
  readonly type: ResourceType<T>;
  /** What is wrong with them: forgotten with what nothing refers to. */
  readonly failures: FailureLog;
  /**
   * Whether those that are named as removed are gone. Otherwise the last good version stays, since istiod sends an empty
   * one where it means "none".
   */
  readonly removable: boolean;
  /** Gets ready what its use needs; it is shown when that has settled. `null` where nothing takes time. */
  readonly prepare?: (value: T) => Promise<void> | null;
  /** Told that one which took time is shown. */
  readonly onPrepared?: (name: string) => void;
}

/** Resources that others refer to by name: asked for by name, kept while something refers to them, and no longer. */
export class ReferencedResources<T> {
  readonly table = new ResourceTable<ResourceVersion<T>>();
  readonly #options: ReferencedResourcesOptions<T>;
  /** Names that were answered, but not with anything usable. */
  readonly #unusable = new Set<string>();
  /** Good ones that are being prepared; the former ones serve meanwhile. */
  readonly #preparing = new Map<string, ResourceVersion<T>>();
  #wanted: ReadonlySet<string> = new Set();

  /** @param options How they are read. */
  constructor(options: ReferencedResourcesOptions<T>) {
    this.#options = options;
  }

  /** The names that are referred to. The same set for as long as the names are the same. */
  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  /** Whether one of that name has come, or will not: nothing needs to wait for it. */
  answered(name: string): boolean {
    return this.table.has(name) || this.#unusable.has(name);
  }

  /** Takes one in. What it was validated for need not ask whether it is wanted. */
  apply(
    name: string,
    bytes: Uint8Array,
    how: Omit<Validation<T>, "former" | "inUse">,
    check: ((value: T) => readonly string[]) | null = null,
  ): ResourceReport | null {
    const visible = this.table.get(name);
    const preparing = this.#preparing.get(name);
    if (preparing?.has(bytes)) return report(name, preparing);
    if (visible?.has(bytes)) {
      this.#preparing.delete(name);
      return report(name, visible);
    }
    const validated = validateResource(this.#options.type, name, bytes, {
      ...how,
      // What is checked further is at hand, and about to be used.
      inUse: check !== null || (visible?.expanded ?? false),
      former: visible ?? null,
    });
    const errors = "errors" in validated
      ? validated.errors
      : check === null || validated.value === null
      ? []
      : check(validated.value);
    if ("errors" in validated || errors.length > 0) {
      if (visible === undefined) this.#unusable.add(name);
      return { name, errors, applied: false };
    }
    const { version, value } = validated;
    const ready = value === null ? null : this.#options.prepare?.(value) ?? null;
    if (ready === null) this.#show(name, version);
    else this.#prepare(name, version, ready);
    return report(name, version);
  }

  #prepare(name: string, version: ResourceVersion<T>, ready: Promise<void>): void {
    this.#preparing.set(name, version);
    const show = () => {
      if (this.#preparing.get(name) !== version) return;
      this.#show(name, version);
      this.#options.onPrepared?.(name);
    };
    ready.then(show, show);
  }

  #show(name: string, version: ResourceVersion<T>): void {
    this.#preparing.delete(name);
    this.#unusable.delete(name);
    this.table.set(name, version);
  }

  /** Takes note that one is said to be gone. Whoever waits for it need not any longer. */
  remove(name: string): void {
    this.#preparing.delete(name);
    if (this.#options.removable) this.table.delete(name);
    if (!this.table.has(name)) this.#unusable.add(name);
  }

  /** Takes note that some were waited for in vain. */
  giveUp(names: Iterable<string>): void {
    for (const name of names) if (!this.table.has(name)) this.#unusable.add(name);
  }

  /** Takes in what is referred to now. */
  follow(wanted: ReadonlySet<string>): void {
    if (wanted.size !== this.#wanted.size || !wanted.isSubsetOf(this.#wanted)) this.#wanted = wanted;
  }

  /** Forgets what nothing refers to. */
  forgetUnwanted(): void {
    const { failures } = this.#options;
    const unwanted = (name: string): boolean => !this.#wanted.has(name);
    for (const name of [...this.table.names()].filter(unwanted)) this.table.delete(name);
    for (const name of [...this.#preparing.keys()].filter(unwanted)) this.#preparing.delete(name);
    for (const name of [...this.#unusable].filter(unwanted)) this.#unusable.delete(name);
    for (const name of [...failures.names()].filter(unwanted)) failures.delete(name);
  }
}

/** What the control plane is told of a version that is in use. */
export function report(name: string, version: { readonly unsupported: readonly string[] }): ResourceReport | null {
  return version.unsupported.length === 0 ? null : { name, errors: version.unsupported, applied: true };
}
