import { MeshError } from "../errors.ts";
import { Exchange } from "../http/exchange.ts";
import type { HttpProtocol, HttpResponse } from "../http/message.ts";
import type { Hash64 } from "../internal/xx_hash64.ts";
import type { Json } from "../protobuf/well_known.ts";
import type { ExcludedPriorities, OverrideHost, PickContext } from "../load_balancer/load_balancer.ts";
import type { UpstreamHost } from "./host.ts";
import type { TriedHosts } from "./tried_hosts.ts";

/** Options of {@linkcode UpstreamAttempt}. */
export interface UpstreamAttemptOptions {
  /** Accounts for the attempt and cancels it. @default {a new one} */
  exchange?: Exchange;
  /** Hash for consistent load balancing. @default {null} */
  hash?: Hash64 | null;
  /** Hosts to be avoided. @default {null} */
  excluded?: TriedHosts | null;
  /** Priorities tried before, to be avoided. @default {null} */
  excludedPriorities?: ExcludedPriorities | null;
  /** @default {0} */
  maxReselections?: number;
  /** Metadata of `envoy.lb` the host must have. @default {null} */
  subset?: Readonly<Record<string, Json>> | null;
  /** A host named by a session. @default {null} */
  override?: OverrideHost | null;
  /** Headers of the request, for policies that read them. @default {null} */
  headers?: PickContext["headers"];
  /** How many attempts came before this one. @default {0} */
  attempt?: number;
  /** Where the caller wanted to go, `ip:port` (ORIGINAL_DST). @default {null} */
  destination?: string | null;
  /** ALPN list by protocol instead of the TLS context's (`istio.alpn`). @default {null} */
  alpnOverride?: ReadonlyMap<HttpProtocol, readonly string[]> | null;
  /** Host name the application's own TLS (`https:`) expects inside the connection of the mesh. @default {null} */
  applicationTls?: string | null;
  /** Whether only a host that is spoken to in mutual TLS may be sent the request. @default {false} */
  requiresMutualTls?: boolean;
  /** Whether the route has priority HIGH. @default {false} */
  highPriority?: boolean;
  /** Where the caller wanted to go, `host:port`; for PROXY headers. @default {null} */
  downstreamAddress?: string | null;
  /** Called with the chosen host before the request is sent to it. @default {null} */
  onHost?: ((host: UpstreamHost) => void) | null;
}

/** One attempt to send a request to a cluster: what it needs to know, and which host it went to. */
export class UpstreamAttempt implements PickContext {
  readonly exchange: Exchange;
  readonly hash: Hash64 | null;
  readonly excluded: TriedHosts | null;
  readonly excludedPriorities: ExcludedPriorities | null;
  readonly maxReselections: number;
  readonly subset: Readonly<Record<string, Json>> | null;
  readonly override: OverrideHost | null;
  readonly headers: PickContext["headers"];
  readonly attempt: number;
  readonly destination: string | null;
  readonly alpnOverride: ReadonlyMap<HttpProtocol, readonly string[]> | null;
  readonly applicationTls: string | null;
  readonly requiresMutualTls: boolean;
  readonly highPriority: boolean;
  readonly downstreamAddress: string | null;
  readonly onHost: ((host: UpstreamHost) => void) | null;
  /** The host, once chosen. */
  host: UpstreamHost | null = null;

  /** @param options What differs from the defaults. */
  constructor(options: UpstreamAttemptOptions = {}) {
    this.exchange = options.exchange ?? new Exchange();
    this.hash = options.hash ?? null;
    this.excluded = options.excluded ?? null;
    this.excludedPriorities = options.excludedPriorities ?? null;
    this.maxReselections = options.maxReselections ?? 0;
    this.subset = options.subset ?? null;
    this.override = options.override ?? null;
    this.headers = options.headers ?? null;
    this.attempt = options.attempt ?? 0;
    this.destination = options.destination ?? null;
    this.alpnOverride = options.alpnOverride ?? null;
    this.applicationTls = options.applicationTls ?? null;
    this.requiresMutualTls = options.requiresMutualTls ?? false;
    this.highPriority = options.highPriority ?? false;
    this.downstreamAddress = options.downstreamAddress ?? null;
    this.onHost = options.onHost ?? null;
  }

  /** Ends it, for its response goes to nobody: what the caller will never see must not hold the connection. */
  discard(response: HttpResponse): void {
    if (response.body?.whole() === null) response.body.cancel();
    // A request that is still being sent ends with its attempt.
    this.exchange.cancel(new MeshError("ABORTED", "Cannot go on with the request: its answer is not used"));
  }
}
