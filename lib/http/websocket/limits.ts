/** Bounds of a WebSocket. */
export interface WebSocketLimits {
  /**
   * Most bytes of a message from the peer; a longer one ends the socket with 1009.
   * @default {67108864} 64 MiB, as of Deno's own WebSocket
   */
  maxMessageBytes: number;
  /**
   * Milliseconds from our close frame, or from the peer's, to the end of the connection; it is cut then.
   * @default {5000}
   */
  closeTimeoutMs: number;
}

/** The defaults. */
export const WEB_SOCKET_LIMITS: WebSocketLimits = { maxMessageBytes: 64 * 1024 * 1024, closeTimeoutMs: 5_000 };
