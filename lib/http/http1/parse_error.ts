/**
 * A message that breaks HTTP/1.1 or a limit. The only error the parser throws; the connection cannot be used after it,
 * for nobody knows where the next message would begin.
 */
export class Http1ParseError extends Error {
  /** The status a server answers with: 400, 408, 414, 417, 431, 501 or 505. */
  readonly status: number;
  /**
   * Whether the line looks like another protocol altogether, such as a broken HTTP/2 preface: such a peer would take an
   * answer for frames of its own, so it gets none (RFC 9113 section 3.4 asks for no more).
   */
  readonly foreign: boolean;

  /**
   * Makes an error.
   *
   * @param status The status a server answers with.
   * @param message What is wrong, without the offending bytes: they may be secret.
   * @param foreign Whether the peer does not seem to speak HTTP/1 at all.
   */
  constructor(status: number, message: string, foreign = false) {
    super(message);
    this.name = "Http1ParseError";
    this.status = status;
    this.foreign = foreign;
  }
}
