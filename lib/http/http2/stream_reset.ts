import { errorCodeName } from "./error_code.ts";

/** The cause of an error that comes from RST_STREAM of the peer: gRPC gives each code a meaning of its own. */
export class Http2StreamReset extends Error {
  /** The error code of the frame, see `Http2ErrorCode`. */
  readonly errorCode: number;

  /** @param errorCode The error code of the frame. */
  constructor(errorCode: number) {
    super(`RST_STREAM with '${errorCodeName(errorCode)}'`);
    this.name = "Http2StreamReset";
    this.errorCode = errorCode;
  }
}
