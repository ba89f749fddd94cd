import { Http2ConnectionError } from "./connection_error.ts";
import { Http2ErrorCode } from "./error_code.ts";
import { FrameFlag, FrameType, frameTypeName, getUint31, getUint32 } from "./frame.ts";
import type { FrameHandler } from "./frame_reader.ts";
import type { Http2Limits } from "./limits.ts";

/** What frames mean, their form already checked. */
export interface FrameEvents {
  /** DATA: content without padding; `flowBytes` is what flow control counts. */
  onContent(streamId: number, bytes: Uint8Array, start: number, end: number, flowBytes: number, last: boolean): void;
  /** HEADERS with all its CONTINUATION frames. */
  onHeaderBlock(streamId: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  /** A header block began that goes on in another frame (`true`), or is complete (`false`). */
  onHeaderBlockOpen(open: boolean): void;
  onReset(streamId: number, errorCode: number): void;
  /** Payload of SETTINGS. */
  onSettings(bytes: Uint8Array, start: number, end: number): void;
  onSettingsAck(): void;
  onPing(high: number, low: number, ack: boolean): void;
  onGoAway(lastStreamId: number, errorCode: number): void;
  /** `increment` may be 0, which is an error of the stream or the connection. */
  onWindowUpdate(streamId: number, increment: number): void;
  /** PRIORITY or a frame of an unknown type, which are ignored but counted. */
  onIgnored(type: number, streamId: number): void;
}

/**
 * Checks the form of frames (RFC 9113 section 6) and joins header blocks.
 *
 * States: `first` (only SETTINGS may come) -> `open` -> `block` (only CONTINUATION of one stream may come) -> `open`.
 */
export class FrameParser implements FrameHandler {
  readonly #events: FrameEvents;
  readonly #limits: Readonly<Http2Limits>;
  #first = true;
  /** Stream of the header block that is being joined; 0 for none. */
  #blockStream = 0;
  #blockEndsStream = false;
  #block: Uint8Array = new Uint8Array(0);
  #blockBytes = 0;
  #continuations = 0;

  /**
   * @param events Receives what frames mean.
   * @param limits Limits of header blocks and SETTINGS.
   */
  constructor(events: FrameEvents, limits: Readonly<Http2Limits>) {
    this.#events = events;
    this.#limits = limits;
  }

  onFrame(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#blockStream !== 0 && (type !== FrameType.CONTINUATION || streamId !== this.#blockStream)) {
      throw protocolError(`${frameTypeName(type)} on stream ${streamId} inside a header block`);
    }
    if (this.#first) {
      if (type !== FrameType.SETTINGS || (flags & FrameFlag.ACK) !== 0) {
        throw protocolError(`The first frame is ${frameTypeName(type)}, not SETTINGS`);
      }
      this.#first = false;
    }
    switch (type) {
      case FrameType.DATA:
        return this.#data(flags, streamId, bytes, start, end);
      case FrameType.HEADERS:
        return this.#headers(flags, streamId, bytes, start, end);
      case FrameType.PRIORITY:
        requireStream(type, streamId);
        requireLength(type, end - start, 5);
        checkDependency(streamId, bytes, start);
        return this.#events.onIgnored(type, streamId);
      case FrameType.RST_STREAM:
        requireStream(type, streamId);
        requireLength(type, end - start, 4);
        return this.#events.onReset(streamId, getUint32(bytes, start));
      case FrameType.SETTINGS:
        return this.#settings(flags, streamId, bytes, start, end);
      case FrameType.PUSH_PROMISE:
        // A server must not get one, and as a client we have switched push off (section 6.6).
        throw protocolError("PUSH_PROMISE although push is off");
      case FrameType.PING:
        requireConnection(type, streamId);
        requireLength(type, end - start, 8);
        return this.#events.onPing(getUint32(bytes, start), getUint32(bytes, start + 4), (flags & FrameFlag.ACK) !== 0);
      case FrameType.GOAWAY:
        requireConnection(type, streamId);
        if (end - start < 8) throw sizeError(type, end - start);
        return this.#events.onGoAway(getUint31(bytes, start), getUint32(bytes, start + 4));
      case FrameType.WINDOW_UPDATE:
        requireLength(type, end - start, 4);
        return this.#events.onWindowUpdate(streamId, getUint31(bytes, start));
      case FrameType.CONTINUATION:
        return this.#continuation(flags, streamId, bytes, start, end);
      default:
        return this.#events.onIgnored(type, streamId);
    }
  }

  #data(flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    requireStream(FrameType.DATA, streamId);
    const flowBytes = end - start;
    if ((flags & FrameFlag.PADDED) !== 0) {
      const padding = paddingOf(FrameType.DATA, bytes, start, end, 1);
      start++;
      end -= padding;
    }
    this.#events.onContent(streamId, bytes, start, end, flowBytes, (flags & FrameFlag.END_STREAM) !== 0);
  }

  #headers(flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    requireStream(FrameType.HEADERS, streamId);
    const padded = (flags & FrameFlag.PADDED) !== 0;
    const priority = (flags & FrameFlag.PRIORITY) !== 0;
    const before = (padded ? 1 : 0) + (priority ? 5 : 0);
    if (end - start < before) throw sizeError(FrameType.HEADERS, end - start);
    const padding = padded ? paddingOf(FrameType.HEADERS, bytes, start, end, before) : 0;
    if (priority) checkDependency(streamId, bytes, start + (padded ? 1 : 0));
    start += before;
    end -= padding;
    const endStream = (flags & FrameFlag.END_STREAM) !== 0;
    if ((flags & FrameFlag.END_HEADERS) !== 0) {
      this.#events.onHeaderBlock(streamId, bytes, start, end, endStream);
      return;
    }
    this.#blockStream = streamId;
    this.#blockEndsStream = endStream;
    this.#blockBytes = this.#continuations = 0;
    this.#append(bytes, start, end);
    this.#events.onHeaderBlockOpen(true);
  }

  #continuation(flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#blockStream === 0) throw protocolError(`CONTINUATION on stream ${streamId} without a header block`);
    if (++this.#continuations > this.#limits.maxContinuationFrames) {
      throw tooMuch(`${this.#continuations} CONTINUATION frames in a header block`, "maxContinuationFrames");
    }
    this.#append(bytes, start, end);
    if ((flags & FrameFlag.END_HEADERS) === 0) return;
    const block = this.#block;
    this.#block = new Uint8Array(0);
    this.#blockStream = 0;
    this.#events.onHeaderBlockOpen(false);
    this.#events.onHeaderBlock(streamId, block, 0, this.#blockBytes, this.#blockEndsStream);
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    const size = this.#blockBytes + end - start;
    if (size > this.#limits.maxHeaderBlockBytes) {
      throw tooMuch(`A header block of more than ${size} bytes`, "maxHeaderBlockBytes");
    }
    if (size > this.#block.length) {
      const larger = new Uint8Array(Math.max(size, this.#block.length * 2));
      larger.set(this.#block.subarray(0, this.#blockBytes));
      this.#block = larger;
    }
    this.#block.set(bytes.subarray(start, end), this.#blockBytes);
    this.#blockBytes = size;
  }

  #settings(flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    requireConnection(FrameType.SETTINGS, streamId);
    if ((flags & FrameFlag.ACK) !== 0) {
      requireLength(FrameType.SETTINGS, end - start, 0);
      return this.#events.onSettingsAck();
    }
    if (end - start > this.#limits.maxSettingsParameters * 6) {
      throw tooMuch(`SETTINGS of ${end - start} bytes`, "maxSettingsParameters");
    }
    this.#events.onSettings(bytes, start, end);
  }
}

function paddingOf(type: number, bytes: Uint8Array, start: number, end: number, before: number): number {
  if (end - start < 1) throw sizeError(type, 0);
  const padding = bytes[start]!;
  if (padding > end - start - before) throw protocolError(`${frameTypeName(type)} has more padding than payload`);
  return padding;
}

function checkDependency(streamId: number, bytes: Uint8Array, at: number): void {
  if (getUint31(bytes, at) === streamId) throw protocolError(`Stream ${streamId} depends on itself`);
}

function requireStream(type: number, streamId: number): void {
  if (streamId === 0) throw protocolError(`${frameTypeName(type)} on stream 0`);
}

function requireConnection(type: number, streamId: number): void {
  if (streamId !== 0) throw protocolError(`${frameTypeName(type)} on stream ${streamId}`);
}

function requireLength(type: number, length: number, expected: number): void {
  if (length !== expected) throw sizeError(type, length);
}

function sizeError(type: number, length: number): Http2ConnectionError {
  return new Http2ConnectionError(Http2ErrorCode.FRAME_SIZE_ERROR, `${frameTypeName(type)} has ${length} bytes`);
}

function protocolError(message: string): Http2ConnectionError {
  return new Http2ConnectionError(Http2ErrorCode.PROTOCOL_ERROR, message);
}

function tooMuch(message: string, limit: keyof Http2Limits): Http2ConnectionError {
  return new Http2ConnectionError(Http2ErrorCode.ENHANCE_YOUR_CALM, message, limit);
}
