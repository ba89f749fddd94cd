import type { HttpClientConnection } from "../http/codec.ts";
import type { ByteStream } from "../transport/byte_stream.ts";

/** Speaks HTTP on a connected stream; each takes the stream over. */
export interface HttpCodecs {
  http1(stream: ByteStream): HttpClientConnection;
  http2(stream: ByteStream): HttpClientConnection;
}
