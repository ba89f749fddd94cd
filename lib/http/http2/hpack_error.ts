/**
 * A header block that no HPACK encoder may write (RFC 7541). The compression state is lost with it, so it ends the
 * connection with COMPRESSION_ERROR.
 */
export class HpackError extends Error {
  /** @param message What is wrong with the block. */
  constructor(message: string) {
    super(message);
    this.name = "HpackError";
  }
}
