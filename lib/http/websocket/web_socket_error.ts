/** What a peer did against RFC 6455 or a limit: the connection ends with the close code it carries. */
export class WebSocketError extends Error {
  /** Close code the peer is told: 1002 (protocol), 1007 (not UTF-8), 1009 (too big). */
  readonly closeCode: number;

  /**
   * Makes an error.
   *
   * @param closeCode Close code the peer is told.
   * @param message What is wrong.
   */
  constructor(closeCode: number, message: string) {
    super(message);
    this.name = "WebSocketError";
    this.closeCode = closeCode;
  }
}
