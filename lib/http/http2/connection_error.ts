import { Http2ErrorCode } from "./error_code.ts";
import { HpackError } from "./hpack_error.ts";
import type { Http2Limits } from "./limits.ts";

/**
 * The peer broke the protocol or a limit in a way that ends the connection (RFC 9113 section 5.4.1). Thrown while a
 * frame is handled, caught where bytes come in, never seen outside the codec.
 */
export class Http2ConnectionError extends Error {
  /** The code GOAWAY carries. */
  readonly errorCode: number;
  /** The limit that was exceeded; `null` for a breach of the protocol. */
  readonly limit: keyof Http2Limits | null;

  /**
   * @param errorCode One of `Http2ErrorCode`.
   * @param message What the peer did.
   * @param limit The limit that was exceeded, if any.
   */
  constructor(errorCode: number, message: string, limit: keyof Http2Limits | null = null) {
    super(message);
    this.name = "Http2ConnectionError";
    this.errorCode = errorCode;
    this.limit = limit;
  }

  /** What any error thrown while a frame was handled means for the connection. */
  static of(error: unknown): Http2ConnectionError {
    if (error instanceof Http2ConnectionError) return error;
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof HpackError ? Http2ErrorCode.COMPRESSION_ERROR : Http2ErrorCode.INTERNAL_ERROR;
    return new Http2ConnectionError(code, message);
  }
}
