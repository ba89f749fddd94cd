import type { SubscriptionSource, Wanted } from "../../lib/xds/resource_sink.ts";

/** A subscription source that a test sets by hand. */
export class FakeSource implements SubscriptionSource {
  readonly #wanted = new Map<string, Wanted>();
  readonly #listeners = new Set<(typeUrl: string) => void>();

  constructor(wanted: Readonly<Record<string, Wanted | readonly string[]>> = {}) {
    for (const [typeUrl, names] of Object.entries(wanted)) this.set(typeUrl, names);
  }

  /** Sets what is wanted of a type and tells the listeners. */
  set(typeUrl: string, wanted: Wanted | readonly string[]): void {
    this.#wanted.set(typeUrl, Array.isArray(wanted) ? new Set(wanted as string[]) : wanted as Wanted);
    for (const listener of this.#listeners) listener(typeUrl);
  }

  types(): Iterable<string> {
    return this.#wanted.keys();
  }

  wanted(typeUrl: string): Wanted {
    return this.#wanted.get(typeUrl) ?? null;
  }

  subscribe(listener: (typeUrl: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}
