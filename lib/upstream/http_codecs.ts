import type { HttpClientConnection } from "../http/codec.ts";
import type { Http2Keepalive } from "../resource/cluster.ts";
import type { ByteStream } from "../transport/byte_stream.ts";

/** Speaks HTTP on a connected stream; each takes the stream over. */
export interface HttpCodecs {
  http1(stream: ByteStream): HttpClientConnection;
  /** @param keepalive When the peer is asked for a sign of life; `null` decides by the kind of peer. */
  http2(stream: ByteStream, keepalive?: Http2Keepalive | null): HttpClientConnection;
}
