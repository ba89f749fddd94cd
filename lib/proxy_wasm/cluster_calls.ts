import type { HttpRequest, HttpResponse } from "../http/message.ts";

/** How a call out of a module is made. */
export interface ClusterCallOptions {
  /** Most milliseconds until the response is complete; `null` for no limit. */
  readonly timeoutMs: number | null;
  /** Gives the call up. */
  readonly signal: AbortSignal;
}

/** Sends requests to clusters without HTTP filters, as Envoy's async client does. */
export interface ClusterCalls {
  /** Whether there is a cluster of that name. */
  has(cluster: string): boolean;
  /**
   * Sends a request. Resolves with the head of the response; the body follows.
   * @throws {MeshError} When there is no response, or the limit of time passes.
   */
  send(cluster: string, request: HttpRequest, options: ClusterCallOptions): Promise<HttpResponse>;
}
