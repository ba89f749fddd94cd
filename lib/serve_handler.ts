/**
 * What a handler of `mesh.serve` receives and gives: the contract of `Deno.serve`, and who is calling.
 *
 * @module
 */

import type { MeshPeer } from "./identity/mesh_peer.ts";

export type { MeshPeer } from "./identity/mesh_peer.ts";

/** Facts about a request that are not in it; the second argument of a handler. */
export interface MeshServeInfo {
  /** Address of the caller. */
  readonly remoteAddr: Deno.NetAddr;
  /** Address the caller reached. */
  readonly localAddr: Deno.NetAddr;
  /** Settles when the response was sent completely; rejects when the caller went away before. */
  readonly completed: Promise<void>;
  /** The calling workload; `null` in plaintext. */
  readonly peer: MeshPeer | null;
}

/** Answers a request. */
export type MeshServeHandler = (request: Request, info: MeshServeInfo) => Response | Promise<Response>;

/** Options of `mesh.serve`: those of `Deno.serve` for TCP, and the port the mesh knows. */
export interface MeshServeOptions {
  /**
   * Port to listen on; 0 lets the system choose one.
   * @default {8000}
   */
  port?: number;
  /**
   * Address to listen on.
   * @default {"0.0.0.0"}
   */
  hostname?: string;
  /**
   * The target port by which the mesh knows this server, where it differs from the bound one: it selects the inbound
   * filter chain, and with it mode and policies.
   * @default {port}
   */
  meshPort?: number;
  /** Shuts the server down at once when aborted. */
  signal?: AbortSignal;
  /** Called once the server listens. The default logs one line. */
  onListen?: (addr: Deno.NetAddr) => void;
  /** Answers requests whose handler threw. The default answers 500 and logs the error. */
  onError?: (error: unknown) => Response | Promise<Response>;
}

/** An object with a `fetch` method, as frameworks export. */
export interface MeshServeObject {
  /** Answers a request. */
  fetch: MeshServeHandler;
}

/** A running server. */
export interface MeshServer extends AsyncDisposable {
  /** The bound address. */
  readonly addr: Deno.NetAddr;
  /** Settles when the server is down and every connection has ended. */
  readonly finished: Promise<void>;
  /** Takes no new connections, finishes requests under way (`Connection: close`, GOAWAY), then settles. */
  shutdown(): Promise<void>;
  /** Keeps the process alive while the server runs, which is the default. */
  ref(): void;
  /** Lets the process end while the server runs. */
  unref(): void;
}
