import type { Clock } from "../../internal/clock.ts";
import type { Logger } from "../../internal/logger.ts";

/**
 * What an HTTP/2 connection grants its peer. Exceeding a limit ends the stream or the connection with the error code
 * named and, for the connection, one log line that names the limit.
 */
export interface Http2Limits {
  /** Streams the peer may have open; more are refused (REFUSED_STREAM). Envoy's default. @default {1024} */
  maxConcurrentStreams: number;
  /**
   * Streams we open at most on a client connection, whatever the peer allows. Until the peer's SETTINGS arrive 100 are
   * assumed. Istio's `http2MaxRequests` bounds requests above this. @default {1024}
   */
  maxConcurrentRequests: number;
  /**
   * Handlers that may still run for streams the peer has already given up (rapid reset, CVE-2023-44487), as a multiple
   * of `maxConcurrentStreams`; beyond that new streams are refused. @default {2}
   */
  maxHandlerFactor: number;
  /** Bytes of a decoded header list, 32 more a field (RFC 9113 section 6.5.2). More answers 431. @default {61440} */
  maxHeaderListBytes: number;
  /** Fields of a header list; more answers 431. Envoy's default is 100. @default {128} */
  maxHeaderFields: number;
  /** Bytes of a compressed header block with its CONTINUATION frames (ENHANCE_YOUR_CALM). @default {131072} */
  maxHeaderBlockBytes: number;
  /** CONTINUATION frames of a header block (CVE-2024-27983 and kin; ENHANCE_YOUR_CALM). @default {16} */
  maxContinuationFrames: number;
  /** Milliseconds between HEADERS and the last CONTINUATION (ENHANCE_YOUR_CALM). @default {10000} */
  headerBlockTimeoutMs: number;
  /** HPACK table the peer may use towards us, bytes. @default {16384} */
  decoderTableBytes: number;
  /** HPACK table we use towards the peer at most, bytes. @default {16384} */
  encoderTableBytes: number;
  /** Payload of a frame we accept, 16384 to 16777215 (FRAME_SIZE_ERROR). @default {16384} */
  maxFrameBytes: number;
  /** Content a stream may hold for a reader that does not read, bytes (FLOW_CONTROL_ERROR). @default {524288} */
  streamWindowBytes: number;
  /** The same for all streams of the connection together, bytes (FLOW_CONTROL_ERROR). @default {2097152} */
  connectionWindowBytes: number;
  /** Streams ended by a reset (by either side) in a burst (ENHANCE_YOUR_CALM). @default {1000} */
  resetBurst: number;
  /** How many resets a second are forgiven. @default {100} */
  resetsPerSecond: number;
  /**
   * Frames that move nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, RST_STREAM of closed streams, unknown types,
   * empty DATA, 1xx) in a burst (ENHANCE_YOUR_CALM). Ten are forgiven for each frame that moves something. @default {2000}
   */
  idleFrameBurst: number;
  /** How many of them a second are forgiven. @default {200} */
  idleFramesPerSecond: number;
  /** Parameters of a SETTINGS frame (ENHANCE_YOUR_CALM). @default {32} */
  maxSettingsParameters: number;
  /** Replies (acknowledgements, resets) that wait for a peer which does not read (ENHANCE_YOUR_CALM). @default {1000} */
  maxQueuedReplies: number;
  /** Milliseconds for the preface and SETTINGS of the peer and its acknowledgement of ours (SETTINGS_TIMEOUT). @default {10000} */
  settingsTimeoutMs: number;
  /**
   * Milliseconds that a stream may have content to send and no window to send it in: a reader that does not read. The
   * stream is reset with CANCEL. Envoy's stream flush timeout. @default {300000}
   */
  sendStallTimeoutMs: number;
  /** Milliseconds a connection may take to close after GOAWAY before it is cut. @default {1000} */
  lingerMs: number;
}

/** Values of {@linkcode Http2Limits} where nothing else is said. */
export const defaultHttp2Limits: Readonly<Http2Limits> = {
  maxConcurrentStreams: 1024,
  maxConcurrentRequests: 1024,
  maxHandlerFactor: 2,
  maxHeaderListBytes: 61_440,
  maxHeaderFields: 128,
  maxHeaderBlockBytes: 131_072,
  maxContinuationFrames: 16,
  headerBlockTimeoutMs: 10_000,
  decoderTableBytes: 16_384,
  encoderTableBytes: 16_384,
  maxFrameBytes: 16_384,
  streamWindowBytes: 524_288,
  connectionWindowBytes: 2_097_152,
  resetBurst: 1000,
  resetsPerSecond: 100,
  idleFrameBurst: 2000,
  idleFramesPerSecond: 200,
  maxSettingsParameters: 32,
  maxQueuedReplies: 1000,
  settingsTimeoutMs: 10_000,
  sendStallTimeoutMs: 300_000,
  lingerMs: 1000,
};

/** What both ends of an HTTP/2 connection are told. */
export interface Http2Options {
  clock: Clock;
  logger: Logger;
  /** Limits other than the defaults. */
  limits?: Partial<Http2Limits>;
  /**
   * Milliseconds without a byte from the peer, at most half as many again, until it is sent a PING; 0 for never. A client
   * asks only while requests are under way. Go's gRPC servers end connections that are pinged more often than every five
   * minutes without a message in between, so a client that talks to strangers leaves it at 0.
   * @default {0 on the client, 60000 on the server}
   */
  keepaliveMs?: number;
  /** Milliseconds the peer has to answer that PING before the connection is cut. @default {10000} */
  keepaliveTimeoutMs?: number;
  /** Whether a client asks also while no request is under way. @default {false} */
  keepaliveWhenIdle?: boolean;
}

/** The limits with their defaults filled in. */
export function http2Limits(limits: Partial<Http2Limits> = {}): Readonly<Http2Limits> {
  return { ...defaultHttp2Limits, ...limits };
}
