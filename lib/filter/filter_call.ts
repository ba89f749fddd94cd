import type { Call } from "../http/call.ts";
import { type MeshPeer, toMeshPeer } from "../identity/mesh_peer.ts";

/** What a filter knows about the call that a request belongs to; the same object for both functions of a filter. */
export interface FilterCall {
  /** Whether others call this workload, or this workload calls others. */
  readonly direction: "inbound" | "outbound";
  /** Who calls, by the verified certificate; `null` in plaintext and for calls of this workload. */
  readonly peer: MeshPeer | null;
  /** Address the call comes from, `ip:port`; `null` if unknown. */
  readonly remoteAddress: string | null;
  /** Name of the route chosen; `null` for none. */
  readonly routeName: string | null;
  /** Name of the cluster the call goes to; `null` where it is not decided. */
  readonly clusterName: string | null;
  /** Fires when the caller has given up. */
  readonly signal: AbortSignal;
  /** What the filter wants to remember between request and response. */
  readonly state: Map<string, unknown>;
  /**
   * Has the route chosen anew from the request as it is now: an outbound filter that changes host, path or headers
   * calls this where the change is to decide where the request goes. Without, it goes where it would have gone.
   */
  clearRouteCache(): void;
}

/** Shows a call to one filter. */
export class CallView implements FilterCall {
  readonly #call: Call;
  #state: Map<string, unknown> | null = null;

  constructor(call: Call) {
    this.#call = call;
  }

  get direction(): "inbound" | "outbound" {
    return this.#call.direction;
  }

  get peer(): MeshPeer | null {
    const peer = this.#call.downstream?.tls?.peer ?? null;
    return peer === null ? null : toMeshPeer(peer);
  }

  get remoteAddress(): string | null {
    return this.#call.downstreamRemoteAddress;
  }

  get routeName(): string | null {
    return this.#call.routeName;
  }

  get clusterName(): string | null {
    return this.#call.clusterName;
  }

  get signal(): AbortSignal {
    return this.#call.exchange.signal;
  }

  get state(): Map<string, unknown> {
    return this.#state ??= new Map();
  }

  clearRouteCache(): void {
    this.#call.clearRouteCache();
  }
}
