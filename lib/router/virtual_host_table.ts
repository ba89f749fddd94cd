/**
 * Finds the virtual host of an authority by Envoy's order: exact domain, longest `*suffix`, longest `prefix*`, `*`.
 * Lookups are by hash, one for each length of wildcard in use, so that ten thousand hosts cost what one does.
 */
export class VirtualHostTable<T> {
  readonly #exact = new Map<string, T>();
  readonly #suffixes = new Map<number, Map<string, T>>();
  readonly #prefixes = new Map<number, Map<string, T>>();
  readonly #suffixLengths: readonly number[];
  readonly #prefixLengths: readonly number[];
  #any: T | null = null;
  readonly #ignorePort: boolean;

  /**
   * @param hosts Virtual hosts with their domains. Where two claim the same domain the first one has it (Envoy refuses
   * such a configuration, istiod does not send it).
   * @param ignorePort Whether the port of the authority is left out (`ignore_port_in_host_matching`).
   */
  constructor(hosts: Iterable<{ readonly domains: readonly string[]; readonly value: T }>, ignorePort: boolean) {
    this.#ignorePort = ignorePort;
    for (const { domains, value } of hosts) for (const domain of domains) this.#add(domain.toLowerCase(), value);
    const descending = (a: number, b: number) => b - a;
    this.#suffixLengths = [...this.#suffixes.keys()].sort(descending);
    this.#prefixLengths = [...this.#prefixes.keys()].sort(descending);
  }

  /**
   * The virtual host of an authority; `null` where no domain matches.
   *
   * @param authority Host and port as the request carries them, in any case.
   */
  find(authority: string): T | null {
    const host = (this.#ignorePort ? stripPort(authority) : authority).toLowerCase();
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    // A wildcard stands for at least one character, hence the strict comparison of lengths.
    for (const length of this.#suffixLengths) {
      if (length >= host.length) continue;
      const found = this.#suffixes.get(length)!.get(host.slice(host.length - length));
      if (found !== undefined) return found;
    }
    for (const length of this.#prefixLengths) {
      if (length >= host.length) continue;
      const found = this.#prefixes.get(length)!.get(host.slice(0, length));
      if (found !== undefined) return found;
    }
    return this.#any;
  }

  #add(domain: string, value: T): void {
    if (domain === "*") this.#any ??= value;
    else if (domain.startsWith("*")) addTo(this.#suffixes, domain.slice(1), value);
    else if (domain.endsWith("*")) addTo(this.#prefixes, domain.slice(0, -1), value);
    else if (!this.#exact.has(domain)) this.#exact.set(domain, value);
  }
}

function addTo<T>(maps: Map<number, Map<string, T>>, key: string, value: T): void {
  let map = maps.get(key.length);
  if (map === undefined) maps.set(key.length, map = new Map());
  if (!map.has(key)) map.set(key, value);
}

/** The host without `:port`; the brackets of an IPv6 address stay. */
function stripPort(authority: string): string {
  const colon = authority.lastIndexOf(":");
  // The colons inside an IPv6 address come before its closing bracket.
  if (colon < 0 || authority.indexOf("]", colon) >= 0) return authority;
  return authority.slice(0, colon);
}
