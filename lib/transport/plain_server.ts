/** A server without a mesh: `Deno.serve`, for a mesh that is switched off. */
export interface PlainServer {
  readonly addr: Deno.NetAddr;
  readonly finished: Promise<void>;
  shutdown(): Promise<void>;
  ref(): void;
  unref(): void;
}

/** Settings of {@linkcode servePlain}: those of `Deno.serve`. */
export interface PlainServerOptions {
  port?: number;
  hostname?: string;
  signal?: AbortSignal;
  onListen?: (addr: Deno.NetAddr) => void;
  onError?: (error: unknown) => Response | Promise<Response>;
}

/** Facts `Deno.serve` knows of a request. */
export interface PlainRequestInfo {
  readonly remoteAddr: Deno.NetAddr;
  readonly completed: Promise<void>;
}

/** Serves in plaintext with `Deno.serve`. @throws {Deno.errors.AddrInUse} When the port is taken. */
export function servePlain(
  options: PlainServerOptions,
  handler: (request: Request, info: PlainRequestInfo, addr: Deno.NetAddr) => Response | Promise<Response>,
): PlainServer {
  const { port = 8000, hostname = "0.0.0.0", signal, onListen, onError } = options;
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve({
    port,
    hostname,
    ...(signal === undefined ? {} : { signal }),
    ...(onError === undefined ? {} : { onError }),
    onListen: (addr) => onListen?.(addr),
    handler: (request, info) => handler(request, info, server.addr),
  });
  return server;
}
