/** Settings of {@linkcode plainWebSocket}. */
export interface PlainWebSocketOptions {
  readonly protocols?: string | readonly string[];
  readonly headers?: HeadersInit;
  readonly signal?: AbortSignal;
}

/** The runtime's own WebSocket, for a mesh that is switched off. */
export function plainWebSocket(url: string | URL, options: PlainWebSocketOptions): WebSocket {
  const { protocols = [], headers, signal } = options;
  const list = typeof protocols === "string" ? [protocols] : [...protocols];
  const socket = new WebSocket(url, headers === undefined ? list : { protocols: list, headers });
  if (signal !== undefined) {
    const abort = () => socket.close(1000);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
    socket.addEventListener("close", () => signal.removeEventListener("abort", abort));
  }
  return socket;
}

/** The runtime's own upgrade, for requests of the runtime's own server. */
export function plainUpgrade(
  request: Request,
  options: { readonly protocol?: string; readonly idleTimeout?: number },
): { socket: WebSocket; response: Response } {
  const { protocol, idleTimeout } = options;
  return Deno.upgradeWebSocket(request, {
    ...(protocol === undefined ? {} : { protocol }),
    ...(idleTimeout === undefined ? {} : { idleTimeout }),
  });
}
