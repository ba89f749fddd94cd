import { Exchange } from "../http/exchange.ts";
import type { HttpProtocol } from "../http/message.ts";
import type { Hash64 } from "../internal/xx_hash64.ts";
import type { PickContext } from "../load_balancer/load_balancer.ts";
import type { UpstreamHost } from "./host.ts";
import type { HostExclusion } from "./host_exclusion.ts";

/** Options of {@linkcode UpstreamAttempt}. */
export interface UpstreamAttemptOptions {
  /** Accounts for the attempt and cancels it. @default {a new one} */
  exchange?: Exchange;
  /** Hash for consistent load balancing. @default {null} */
  hash?: Hash64 | null;
  /** Hosts to be avoided. @default {null} */
  excluded?: HostExclusion | null;
  /** @default {0} */
  maxReselections?: number;
  /** Where the caller wanted to go, `ip:port` (ORIGINAL_DST). @default {null} */
  destination?: string | null;
  /** ALPN list by protocol instead of the TLS context's (`istio.alpn`). @default {null} */
  alpnOverride?: ReadonlyMap<HttpProtocol, readonly string[]> | null;
  /** Host name the application's own TLS (`https:`) expects inside the connection of the mesh. @default {null} */
  applicationTls?: string | null;
  /** Whether only a host that is spoken to in mutual TLS may be sent the request. @default {false} */
  requiresMutualTls?: boolean;
  /** Called with the chosen host before the request is sent to it. @default {null} */
  onHost?: ((host: UpstreamHost) => void) | null;
}

/** One attempt to send a request to a cluster: what it needs to know, and which host it went to. */
export class UpstreamAttempt implements PickContext {
  readonly exchange: Exchange;
  readonly hash: Hash64 | null;
  readonly excluded: HostExclusion | null;
  readonly maxReselections: number;
  readonly destination: string | null;
  readonly alpnOverride: ReadonlyMap<HttpProtocol, readonly string[]> | null;
  readonly applicationTls: string | null;
  readonly requiresMutualTls: boolean;
  readonly onHost: ((host: UpstreamHost) => void) | null;
  /** The host, once chosen. */
  host: UpstreamHost | null = null;

  /** @param options What differs from the defaults. */
  constructor(options: UpstreamAttemptOptions = {}) {
    this.exchange = options.exchange ?? new Exchange();
    this.hash = options.hash ?? null;
    this.excluded = options.excluded ?? null;
    this.maxReselections = options.maxReselections ?? 0;
    this.destination = options.destination ?? null;
    this.alpnOverride = options.alpnOverride ?? null;
    this.applicationTls = options.applicationTls ?? null;
    this.requiresMutualTls = options.requiresMutualTls ?? false;
    this.onHost = options.onHost ?? null;
  }
}
