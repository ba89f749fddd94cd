/** The domains of a table. */
export interface DomainSource<T> {
  /** What has that exact domain, lower case; `null` where nothing has. */
  exact(domain: string): T | null;
  /** Domains with a `*`, lower case, in order. Where two are the same the first one counts. */
  readonly wildcards: Iterable<{ readonly domain: string; readonly host: T }>;
}

/** Authorities remembered; a caller that asks for endless hosts does not grow it further. */
const MAX_REMEMBERED = 4096;

/**
 * Finds the virtual host of an authority by Envoy's order: exact domain, longest `*suffix`, longest `prefix*`, `*`.
 * Lookups are by hash, one for each length of wildcard in use, so that ten thousand hosts cost what one does.
 */
export class VirtualHostTable<T> {
  readonly #source: DomainSource<T>;
  readonly #suffixes = new Map<number, Map<string, T>>();
  readonly #prefixes = new Map<number, Map<string, T>>();
  readonly #suffixLengths: readonly number[];
  readonly #prefixLengths: readonly number[];
  #any: T | null = null;
  readonly #ignorePort: boolean;
  readonly #remembered = new Map<string, T | null>();

  /**
   * @param source Virtual hosts by domain.
   * @param ignorePort Whether the port of the authority is left out (`ignore_port_in_host_matching`).
   */
  constructor(source: DomainSource<T>, ignorePort: boolean) {
    this.#source = source;
    this.#ignorePort = ignorePort;
    for (const { domain, host } of source.wildcards) this.#add(domain, host);
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
    let found = this.#remembered.get(authority);
    if (found === undefined) {
      found = this.#find(hostForMatching(authority, this.#ignorePort));
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(authority, found);
    }
    return found;
  }

  #find(host: string): T | null {
    const exact = this.#source.exact(host);
    if (exact !== null) return exact;
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
    else addTo(this.#prefixes, domain.slice(0, -1), value);
  }
}

/**
 * The domains of a list.
 *
 * @param hosts What to find, with its domains in any case. Where two claim the same domain the first one has it (Envoy
 *     refuses such a configuration, istiod does not send it).
 */
export function domainSource<T>(
  hosts: Iterable<{ readonly domains: readonly string[]; readonly host: T }>,
): DomainSource<T> {
  const exact = new Map<string, T>();
  const wildcards: { domain: string; host: T }[] = [];
  for (const { domains, host } of hosts) {
    for (const domain of domains.map((domain) => domain.toLowerCase())) {
      if (domain.includes("*")) wildcards.push({ domain, host });
      else if (!exact.has(domain)) exact.set(domain, host);
    }
  }
  return { exact: (domain) => exact.get(domain) ?? null, wildcards };
}

function addTo<T>(maps: Map<number, Map<string, T>>, key: string, value: T): void {
  let map = maps.get(key.length);
  if (map === undefined) maps.set(key.length, map = new Map());
  if (!map.has(key)) map.set(key, value);
}

/** The host of an authority as domains are compared with it. */
export function hostForMatching(authority: string, ignorePort: boolean): string {
  return (ignorePort ? stripPort(authority) : authority).toLowerCase();
}

/** The host without `:port`; the brackets of an IPv6 address stay. */
function stripPort(authority: string): string {
  const colon = authority.lastIndexOf(":");
  // The colons inside an IPv6 address come before its closing bracket.
  if (colon < 0 || authority.indexOf("]", colon) >= 0) return authority;
  return authority.slice(0, colon);
}
