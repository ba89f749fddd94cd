import type { Timer } from "../../internal/clock.ts";
import { formatAddress } from "../../internal/socket_address.ts";
import type { ByteStream, ByteStreamHandler } from "../../transport/byte_stream.ts";
import type { Body } from "../body.ts";
import type { HeaderList } from "../header_list.ts";
import { Http2ConnectionError } from "./connection_error.ts";
import { ContentSender, type ContentSenderOwner } from "./content_sender.ts";
import { errorCodeName, Http2ErrorCode } from "./error_code.ts";
import { frameTypeName } from "./frame.ts";
import { type FrameEvents, FrameParser } from "./frame_parser.ts";
import { FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import { HpackDecoder } from "./hpack_decoder.ts";
import { HpackEncoder } from "./hpack_encoder.ts";
import { Keepalive, type KeepaliveOwner } from "./keepalive.ts";
import { type Http2Limits, http2Limits, type Http2Options } from "./limits.ts";
import { MessageHead } from "./message_head.ts";
import { PeerBudget } from "./peer_budget.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { INITIAL_WINDOW, initialPeerSettings, ownSettings, type PeerSettings, readSettings } from "./settings.ts";
import type { Http2Stream, StreamOwner } from "./stream.ts";
import { StreamTable } from "./stream_table.ts";

/** What a client says first (RFC 9113 section 3.4). */
export const CLIENT_PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Streams reset by us whose late frames are still ignored. */
const REMEMBERED_RESETS = 4096;

/**
 * What both ends of an HTTP/2 connection have in common: frames in and out, compression, windows, settings, floods, the
 * end. The subclasses add what a request and a response are.
 *
 * States: `open` -> `draining` (finishes what is under way) -> `closing` (GOAWAY and the last byte are sent, what still
 * arrives is ignored) -> `closed`; any state may be left for `closing` or `closed`.
 */
export abstract class Http2Connection
  implements ByteStreamHandler, FrameEvents, StreamOwner, ContentSenderOwner, KeepaliveOwner {
  readonly protocol = "HTTP/2";
  protected readonly stream: ByteStream;
  protected readonly options: Http2Options;
  protected readonly limits: Readonly<Http2Limits>;
  protected readonly writer: FrameWriter;
  protected readonly sender: ContentSender;
  protected readonly encoder: HpackEncoder;
  protected readonly head: MessageHead;
  protected readonly streams: StreamTable<Http2Stream> = new StreamTable();
  protected readonly peer: PeerSettings = initialPeerSettings();
  protected phase: "open" | "draining" | "closing" | "closed" = "open";
  /** Whether the peer's first SETTINGS have arrived. */
  protected settingsSeen = false;
  /** Whether a received chunk is being worked on: heads are handed out after it. */
  protected inBatch = false;
  readonly #role: "client" | "server";
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #receive: ReceiveWindow;
  readonly #budget: PeerBudget;
  readonly #keepalive: Keepalive;
  readonly #keepaliveWhenIdle: boolean;
  readonly #resets = new Set<number>();
  #settingsTimer: Timer | null;
  #blockTimer: Timer | null = null;
  #lingerTimer: Timer | null = null;

  constructor(stream: ByteStream, options: Http2Options, role: "client" | "server") {
    const limits = this.limits = http2Limits(options.limits);
    const { clock } = options;
    this.stream = stream;
    this.options = options;
    this.#role = role;
    this.writer = new FrameWriter(stream, () => this.sender.pump());
    this.#budget = new PeerBudget(limits, clock, this.writer);
    this.sender = new ContentSender(this, this.writer, this.#budget, clock, limits.sendStallTimeoutMs);
    this.encoder = new HpackEncoder(limits.encoderTableBytes);
    this.#decoder = new HpackDecoder(limits.decoderTableBytes);
    this.head = new MessageHead(limits.maxHeaderListBytes, limits.maxHeaderFields);
    this.#reader = new FrameReader(
      new FrameParser(this, limits),
      limits.maxFrameBytes,
      role === "server" ? CLIENT_PREFACE : undefined,
    );
    // The connection's window can only be raised (section 6.9.2: SETTINGS do not change it).
    const window = Math.max(limits.connectionWindowBytes, INITIAL_WINDOW);
    this.#receive = new ReceiveWindow(window);
    if (role === "client") this.writer.raw(CLIENT_PREFACE);
    this.writer.settings(ownSettings(limits, role));
    if (window > INITIAL_WINDOW) this.writer.windowUpdate(0, window - INITIAL_WINDOW);
    this.#settingsTimer = clock.timer(
      limits.settingsTimeoutMs,
      () => this.fail(new Http2ConnectionError(Http2ErrorCode.SETTINGS_TIMEOUT, "No SETTINGS", "settingsTimeoutMs")),
    );
    const interval = options.keepaliveMs ?? (role === "server" ? 60_000 : 0);
    this.#keepaliveWhenIdle = options.keepaliveWhenIdle ?? role === "server";
    this.#keepalive = new Keepalive(clock, interval, options.keepaliveTimeoutMs ?? 10_000, this);
  }

  /** Requests under way. */
  get active(): number {
    return this.streams.size;
  }

  /** The largest stream identifier of the peer that was or may be worked on. */
  protected abstract readonly lastPeerStream: number;
  /** A header block for a stream that is not open: a new request, or one that is over. */
  protected abstract onNewHead(streamId: number, endStream: boolean): void;
  /** A header block for an open stream: response head or trailers. */
  protected abstract onHead(stream: Http2Stream, endStream: boolean): void;
  /** Whether no frame of that stream has been sent or received yet. */
  protected abstract isIdle(streamId: number): boolean;
  /** Hands out what the chunk brought. */
  protected abstract deliver(): void;
  /** The peer reset a stream. */
  protected abstract onPeerReset(stream: Http2Stream, errorCode: number): void;
  /** Fails what someone waits for: head, content, exchange. The stream is closed already, so nothing comes back. */
  protected abstract failStream(stream: Http2Stream, error: unknown): void;
  /** The error of a stream that goes down with its connection. */
  protected abstract terminationError(cause: string): Error;
  /** The error of a stream whose peer broke the protocol. */
  protected abstract protocolError(message: string): Error;
  /** A stream is over. */
  protected abstract onStreamClosed(stream: Http2Stream): void;
  /** The connection is over. */
  protected abstract onGone(): void;
  abstract onGoAway(lastStreamId: number, errorCode: number): void;
  abstract streamAbandoned(stream: Http2Stream): void;
  /** The peer answered the PING of a graceful drain. */
  protected abstract onDrainPing(): void;

  // What the byte stream calls.

  onData(chunk: Uint8Array): void {
    if (this.phase === "closing" || this.phase === "closed") return;
    this.#keepalive.heard = true;
    this.inBatch = true;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.fail(error);
    }
    this.inBatch = false;
    this.deliver();
  }

  onDrain(): void {
    this.writer.drained();
  }

  onEnd(): void {
    // Nothing the peer would have to send for an exchange to go on (windows, acknowledgements) can come any more.
    if (this.phase === "closed") return;
    this.#abortAll("it was ended by the peer");
    this.finish();
  }

  onClose(error: Error | null): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.#reader.stop();
    this.writer.stop();
    this.sender.close();
    this.#keepalive.stop();
    this.#settingsTimer?.cancel();
    this.#blockTimer?.cancel();
    this.#lingerTimer?.cancel();
    this.#abortAll(error === null ? "it was closed" : error.message);
    this.onGone();
  }

  // What frames say.

  onHeaderBlock(streamId: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const { head } = this;
    head.reset();
    this.#decoder.decode(bytes, start, end, head);
    if (head.isBomb) {
      throw new Http2ConnectionError(
        Http2ErrorCode.ENHANCE_YOUR_CALM,
        `A header block of ${end - start} bytes unpacks to many times the limit`,
        "maxHeaderListBytes",
      );
    }
    this.#budget.earn();
    const stream = this.streams.get(streamId);
    if (stream === undefined) return this.onNewHead(streamId, endStream);
    if (stream.remoteEnded) return this.violated(stream, Http2ErrorCode.STREAM_CLOSED, "HEADERS after END_STREAM");
    this.onHead(stream, endStream);
  }

  onHeaderBlockOpen(open: boolean): void {
    this.#blockTimer?.cancel();
    this.#blockTimer = null;
    if (!open) return;
    this.#blockTimer = this.options.clock.timer(
      this.limits.headerBlockTimeoutMs,
      () =>
        this.fail(
          new Http2ConnectionError(
            Http2ErrorCode.ENHANCE_YOUR_CALM,
            "A header block does not end",
            "headerBlockTimeoutMs",
          ),
        ),
    );
  }

  onContent(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    flowBytes: number,
    last: boolean,
  ): void {
    if (!this.#receive.take(flowBytes)) {
      throw new Http2ConnectionError(
        Http2ErrorCode.FLOW_CONTROL_ERROR,
        "More DATA than the connection's window",
        "connectionWindowBytes",
      );
    }
    if (end > start) this.#budget.earn();
    else if (!last) this.spendIdle("empty DATA");
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.#giveConnection(flowBytes);
      return this.#onClosedStream(streamId, "DATA");
    }
    const refusal = stream.receiveContent(flowBytes, end - start, last);
    if (refusal !== null) {
      this.#giveConnection(flowBytes);
      return this.violated(stream, refusal.errorCode, refusal.message);
    }
    this.onContentBytes(stream, end - start);
    if (stream.abandoned) {
      this.#giveConnection(flowBytes);
    } else {
      const padding = flowBytes - (end - start);
      if (padding > 0) this.streamConsumed(stream, padding);
      stream.incoming!.push(bytes.subarray(start, end));
    }
    if (last) this.remoteEnd(stream, null);
  }

  onReset(streamId: number, errorCode: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId)) throw protocolViolation(`RST_STREAM on idle stream ${streamId}`);
      return this.spendIdle("RST_STREAM of a closed stream");
    }
    if (this.#role === "server") this.#budget.spendReset();
    this.onPeerReset(stream, errorCode);
  }

  onSettings(bytes: Uint8Array, start: number, end: number): void {
    if (this.settingsSeen) this.spendIdle("SETTINGS");
    const { peer } = this;
    const window = peer.initialWindow;
    readSettings(bytes, start, end, peer, this.#role === "client");
    this.encoder.setPeerLimit(peer.headerTableBytes);
    this.writer.maxFrameBytes = Math.min(peer.maxFrameBytes, this.limits.maxFrameBytes);
    this.writer.settingsAck();
    this.#budget.checkReplies();
    const change = peer.initialWindow - window;
    if (change !== 0) {
      for (const stream of this.streams.values()) {
        if (this.sender.grantStream(stream, change)) continue;
        throw new Http2ConnectionError(Http2ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS make a window too large");
      }
    }
    this.settingsSeen = true;
    this.onPeerSettings();
  }

  onSettingsAck(): void {
    // Only one SETTINGS is ever sent, so only one acknowledgement is wanted.
    if (this.#settingsTimer === null) return this.spendIdle("acknowledgement of SETTINGS");
    this.#settingsTimer.cancel();
    this.#settingsTimer = null;
  }

  onPing(high: number, low: number, ack: boolean): void {
    this.spendIdle("PING");
    if (ack) {
      if (high === DRAIN_PING) this.onDrainPing();
      return;
    }
    this.writer.ping(high, low, true);
    this.#budget.checkReplies();
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.spendIdle("WINDOW_UPDATE");
    if (streamId === 0) {
      if (increment === 0) throw protocolViolation("WINDOW_UPDATE of 0 on the connection");
      if (this.sender.grantConnection(increment)) return;
      throw new Http2ConnectionError(Http2ErrorCode.FLOW_CONTROL_ERROR, "The connection's window grows too large");
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId)) throw protocolViolation(`WINDOW_UPDATE on idle stream ${streamId}`);
      return;
    }
    if (increment === 0) return this.violated(stream, Http2ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
    if (this.sender.grantStream(stream, increment)) return;
    this.violated(stream, Http2ErrorCode.FLOW_CONTROL_ERROR, "The window grows too large");
  }

  onIgnored(type: number): void {
    this.spendIdle(frameTypeName(type));
  }

  // What readers and the sender say.

  streamConsumed(stream: Http2Stream, bytes: number): void {
    this.#giveConnection(bytes);
    if (stream.remoteEnded) return;
    const increment = stream.receive.give(bytes);
    if (increment > 0) this.writer.windowUpdate(stream.id, increment);
  }

  contentSent(stream: Http2Stream, endStreamSent: boolean): void {
    const trailers = stream.outgoing?.trailers ?? null;
    stream.outgoing = stream.chunk = null;
    if (!endStreamSent && trailers !== null && trailers.size > 0) {
      try {
        this.writer.headers(stream.id, NO_FIELDS, trailers.pairs, true, this.encoder);
      } catch (error) {
        return this.resetStream(stream, Http2ErrorCode.INTERNAL_ERROR, error);
      }
    } else if (!endStreamSent) {
      this.writer.data(stream.id, EMPTY, 0, 0, true);
    }
    this.localEnd(stream);
  }

  contentFailed(stream: Http2Stream, error: unknown): void {
    this.resetStream(stream, Http2ErrorCode.INTERNAL_ERROR, error);
  }

  contentStalled(stream: Http2Stream): void {
    this.resetStream(stream, Http2ErrorCode.CANCEL, this.protocolError("the peer takes no content"));
  }

  keepaliveWanted(): boolean {
    return this.#keepaliveWhenIdle || this.streams.size > 0;
  }

  keepaliveAsk(): void {
    this.writer.ping(KEEPALIVE_PING, 0, false);
  }

  keepaliveLost(): void {
    this.stream.destroy(new Error("No answer to a PING"));
  }

  // What subclasses share.

  /** Counts content bytes that arrived. */
  protected abstract onContentBytes(stream: Http2Stream, bytes: number): void;
  abstract contentProgress(stream: Http2Stream, bytes: number): void;
  /** The peer's settings are new. */
  protected onPeerSettings(): void {}

  /** Starts reading; called once by the subclass, when it is complete. */
  protected begin(): void {
    this.stream.start(this);
  }

  /** Sends a body after its head; `whole` is what `body.whole()` said. */
  protected sendContent(stream: Http2Stream, body: Body, whole: Uint8Array | null): void {
    this.sender.start(stream, body, whole);
  }

  /** We have sent END_STREAM. */
  protected localEnd(stream: Http2Stream): void {
    stream.localEnded = true;
    if (stream.remoteEnded) this.closeStream(stream, null);
  }

  /** The peer has sent END_STREAM. */
  protected remoteEnd(stream: Http2Stream, trailers: HeaderList | null): void {
    stream.remoteEnded = true;
    stream.incoming?.end(trailers);
    if (stream.localEnded) this.closeStream(stream, null);
  }

  /**
   * Takes the stream out of the connection; an error fails everything that waits for it. What its reader has not read
   * yet is no longer counted: a body no one reads must not shrink the connection's window for ever.
   */
  protected closeStream(stream: Http2Stream, error: unknown): void {
    if (stream.closed) return;
    stream.closed = true;
    this.streams.delete(stream);
    const unread = stream.incoming?.buffered ?? 0;
    if (unread > 0) this.#giveConnection(unread);
    if (stream.outgoing !== null) this.sender.stop(stream, error);
    if (error !== null) this.failStream(stream, error);
    stream.exchange.complete(error);
    this.onStreamClosed(stream);
  }

  /** Sends RST_STREAM and fails everything that waits for the stream. */
  protected resetStream(stream: Http2Stream, errorCode: number, error: unknown): void {
    if (stream.closed) return;
    this.sendReset(stream.id, errorCode);
    this.closeStream(stream, error);
  }

  /** The peer broke a rule on one stream: it is reset, and that counts as one of the peer's resets. */
  protected violated(stream: Http2Stream, errorCode: number, message: string): void {
    this.resetStream(stream, errorCode, this.protocolError(message));
    this.#budget.spendReset();
    this.#budget.checkReplies();
  }

  /** The same for a stream that never came to be. */
  protected refuse(streamId: number, errorCode: number): void {
    this.sendReset(streamId, errorCode);
    this.#budget.spendReset();
    this.#budget.checkReplies();
  }

  /** Sends RST_STREAM and remembers to ignore what was on its way. */
  protected sendReset(streamId: number, errorCode: number): void {
    this.writer.reset(streamId, errorCode);
    this.#resets.add(streamId);
    if (this.#resets.size > REMEMBERED_RESETS) this.#resets.delete(this.#resets.values().next().value!);
  }

  /** Whether we have reset that stream, so that late frames of it are no violation. */
  protected wasReset(streamId: number): boolean {
    return this.#resets.has(streamId);
  }

  /** Pays for a frame that moves nothing. */
  protected spendIdle(what: string): void {
    this.#budget.spendIdle(what);
  }

  /** Ends the connection for what the peer did: GOAWAY, then the last byte; one line in the log. */
  protected fail(error: unknown): void {
    if (this.phase === "closing" || this.phase === "closed") return;
    const violation = Http2ConnectionError.of(error);
    const name = errorCodeName(violation.errorCode);
    this.options.logger.log(
      "warning",
      `Closed HTTP/2 connection with '${formatAddress(this.stream.info.remote)}': ${violation.message}`,
      { error: name, ...(violation.limit === null ? {} : { limit: violation.limit }) },
    );
    this.writer.goAway(this.lastPeerStream, violation.errorCode);
    this.#abortAll(`the peer broke HTTP/2 (${name}: ${violation.message})`);
    this.finish();
  }

  /** Sends what is written and the last byte, and waits for the peer to close, for a while. */
  protected finish(): void {
    if (this.phase === "closing" || this.phase === "closed") return;
    this.phase = "closing";
    this.#reader.stop();
    this.sender.close();
    this.#keepalive.stop();
    this.#settingsTimer?.cancel();
    this.#blockTimer?.cancel();
    this.writer.flush();
    this.writer.stop();
    this.#lingerTimer = this.options.clock.timer(this.limits.lingerMs, () => this.stream.destroy());
    this.stream.end();
  }

  #abortAll(cause: string): void {
    for (const stream of this.streams.values()) {
      this.closeStream(stream, this.terminationError(cause));
    }
  }

  #onClosedStream(streamId: number, what: string): void {
    if (this.isIdle(streamId)) throw protocolViolation(`${what} on idle stream ${streamId}`);
    if (this.#role === "client" || this.wasReset(streamId)) return this.spendIdle(`${what} of a closed stream`);
    this.refuse(streamId, Http2ErrorCode.STREAM_CLOSED);
  }

  #giveConnection(bytes: number): void {
    const increment = this.#receive.give(bytes);
    if (increment > 0) this.writer.windowUpdate(0, increment);
  }
}

/** First word of our PINGs, to tell their acknowledgements apart. */
export const DRAIN_PING = 0x656e6d31;
const KEEPALIVE_PING = 0x656e6d32;
const EMPTY = new Uint8Array(0);
const NO_FIELDS: readonly string[] = [];

function protocolViolation(message: string): Http2ConnectionError {
  return new Http2ConnectionError(Http2ErrorCode.PROTOCOL_ERROR, message);
}
