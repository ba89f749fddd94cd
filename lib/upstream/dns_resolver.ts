import type { Clock } from "../internal/clock.ts";
import type { DnsAnswer, DnsFamily, Resolve } from "../transport/dns.ts";

/** Settings of {@linkcode DnsResolver}. */
export interface DnsResolverOptions {
  resolve: Resolve;
  clock: Clock;
  /** Milliseconds an answer without a TTL is good for. @default {5000} Envoy's `dns_refresh_rate` */
  defaultTtlMs?: number;
  /** Milliseconds a failure is remembered. @default {1000} */
  negativeTtlMs?: number;
  /** Names remembered; the oldest goes first. @default {1000} */
  maxEntries?: number;
}

interface Entry {
  readonly answer: Promise<DnsAnswer>;
  /** Monotonic milliseconds; infinite while the question is open. */
  expires: number;
}

/** Resolves names with a cache: questions under way are shared, failures are remembered briefly. */
export class DnsResolver {
  readonly #options: Required<DnsResolverOptions>;
  readonly #entries = new Map<string, Entry>();

  /** @param options Who is asked, and for how long answers are good. */
  constructor(options: DnsResolverOptions) {
    this.#options = { defaultTtlMs: 5000, negativeTtlMs: 1000, maxEntries: 1000, ...options };
  }

  /**
   * The addresses of a name.
   *
   * @param hostname A DNS name; an IP address (IPv6 also in brackets) is its own answer.
   * @param family Which addresses are wanted.
   * @param ttl Whether the answer's time to live is asked for, too, where the resolver tells it.
   * @throws {Error} When it has none.
   */
  resolve(hostname: string, family: DnsFamily = "auto", ttl = false): Promise<DnsAnswer> {
    const literal = hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
    if (isIpAddress(literal)) return Promise.resolve({ addresses: [literal], ttlMs: Infinity });
    const { clock, defaultTtlMs, negativeTtlMs, maxEntries } = this.#options;
    const key = `${family} ${ttl} ${hostname.toLowerCase()}`;
    const known = this.#entries.get(key);
    if (known !== undefined && clock.monotonic() < known.expires) return known.answer;
    const entry: Entry = { answer: this.#options.resolve(hostname, family, ttl), expires: Infinity };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > maxEntries) this.#entries.delete(this.#entries.keys().next().value!);
    entry.answer.then(
      ({ ttlMs }) => entry.expires = clock.monotonic() + (ttlMs ?? defaultTtlMs),
      () => entry.expires = clock.monotonic() + negativeTtlMs,
    );
    return entry.answer;
  }
}

/** Whether that is an IP address, IPv6 without brackets. */
export function isIpAddress(hostname: string): boolean {
  return hostname.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname);
}
