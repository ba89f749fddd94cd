import type { Clock } from "../../internal/clock.ts";
import type { Logger } from "../../internal/logger.ts";
import type { Http1ParseError } from "./parse_error.ts";

/** Bounds of an HTTP/1.1 connection. What exceeds one is refused, never held in memory. */
export interface Http1Limits {
  /**
   * Most bytes of a head: start line and fields. Above it a server answers 431.
   * @default {61440} 60 KiB, Envoy's `max_request_headers_kb`
   */
  maxHeadBytes: number;
  /**
   * Most bytes of the request line. Above it a server answers 414.
   * @default {61440} as many as the head: Envoy bounds only the whole
   */
  maxStartLineBytes: number;
  /**
   * Most field lines of a head. Above it a server answers 431.
   * @default {100} Envoy's `max_headers_count`
   */
  maxFields: number;
  /**
   * Most bytes of a trailer section.
   * @default {8192}
   */
  maxTrailerBytes: number;
  /**
   * Most bytes of chunk extensions in one message; they carry nothing we use.
   * @default {4096}
   */
  maxChunkExtensionBytes: number;
  /**
   * Most informational (1xx) responses to one request.
   * @default {16}
   */
  maxInformational: number;
  /**
   * Bytes of a body the reader has not taken above which the peer is stopped.
   * @default {65536}
   */
  bodyHighWaterMark: number;
  /**
   * Bytes of an unread request body a server discards to keep the connection; above it the connection is closed.
   * @default {262144}
   */
  maxDiscardBytes: number;
  /**
   * Milliseconds from the first byte of a request head to its last; 0 for no bound. A server answers 408.
   * @default {60000}
   */
  headTimeoutMs: number;
  /**
   * Milliseconds a server connection may be without a request; 0 for no bound. Checked at quarters of itself.
   * @default {3600000} Envoy's `idle_timeout`
   */
  idleTimeoutMs: number;
  /**
   * Milliseconds in which a peer takes none of our bytes, or a client sends none of a request that is not yet being
   * answered; 0 for no bound. Streams that go both ways and silent responses are not bounded here. Checked at quarters
   * of itself.
   * @default {300000} Envoy's `stream_idle_timeout`
   */
  stallTimeoutMs: number;
  /**
   * Milliseconds a refused peer is listened to after the last answer, so that the answer is not lost to a reset.
   * @default {1000}
   */
  lingerMs: number;
}

/** What a connection needs besides its stream. */
export interface Http1Options {
  /** Bounds that differ from the defaults. */
  limits?: Partial<Http1Limits>;
  /** Source of timers; a `TimerWheel` makes them cheap. */
  clock: Clock;
  /** Told of malformed requests (debug) and failed handlers (error). */
  logger: Logger;
  /** Told of a malformed request that never reached the handler (Envoy's `DPE`), for metrics and the access log. */
  onMalformed?: (error: Http1ParseError) => void;
}

const DEFAULT_LIMITS: Http1Limits = {
  maxHeadBytes: 60 * 1024,
  maxStartLineBytes: 60 * 1024,
  maxFields: 100,
  maxTrailerBytes: 8 * 1024,
  maxChunkExtensionBytes: 4 * 1024,
  maxInformational: 16,
  bodyHighWaterMark: 64 * 1024,
  maxDiscardBytes: 256 * 1024,
  headTimeoutMs: 60_000,
  idleTimeoutMs: 3_600_000,
  stallTimeoutMs: 300_000,
  lingerMs: 1000,
};

/** The given bounds completed by the defaults. */
export function resolveHttp1Limits(limits: Partial<Http1Limits> | undefined): Http1Limits {
  return limits === undefined ? DEFAULT_LIMITS : { ...DEFAULT_LIMITS, ...limits };
}
