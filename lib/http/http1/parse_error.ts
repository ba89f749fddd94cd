/**
 * A message that breaks HTTP/1.1 or a limit. The only error the parser throws; the connection cannot be used after it,
 * for nobody knows where the next message would begin.
 */
export class Http1ParseError extends Error {
  /** The status a server answers with: 400, 408, 414, 417, 431, 501 or 505. */
  readonly status: number;

  /**
   * Makes an error.
   *
   * @param status The status a server answers with.
   * @param message What is wrong, without the offending bytes: they may be secret.
   */
  constructor(status: number, message: string) {
    super(message);
    this.name = "Http1ParseError";
    this.status = status;
  }
}
