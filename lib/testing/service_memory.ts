/** What istiod and Kubernetes remember of a service beyond one state of the objects. Outlives every view. */
export class ServiceMemory {
  readonly #identities = new Map<string, readonly string[]>();
  readonly #addresses = new Map<string, string>();

  /**
   * The identities of a service: those of its endpoints now, or without any endpoint the last ones. An empty list would
   * let callers accept anybody, and istiod does the same.
   */
  identities(hostname: string, now: readonly string[]): readonly string[] {
    if (now.length === 0) return this.#identities.get(hostname) ?? [];
    this.#identities.set(hostname, now);
    return now;
  }

  /** The address of a service that was applied without one: the cluster allocates it, once. */
  address(hostname: string): string {
    let address = this.#addresses.get(hostname);
    if (address === undefined) {
      const number = this.#addresses.size + 1;
      // Within Kubernetes' default service range 10.96.0.0/12, away from its start, which people write by hand.
      address = `10.111.${number >> 8}.${number & 255}`;
      this.#addresses.set(hostname, address);
    }
    return address;
  }
}
