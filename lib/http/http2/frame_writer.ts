import type { ByteStream } from "../../transport/byte_stream.ts";
import { FRAME_HEADER_BYTES, FrameFlag, FrameType, putFrameHeader, putUint32 } from "./frame.ts";
import { HPACK_BLOCK_OVERHEAD, HPACK_FIELD_OVERHEAD, type HpackEncoder } from "./hpack_encoder.ts";
import { MIN_MAX_FRAME, SETTING_BYTES } from "./settings.ts";

/** Memory is taken in pieces of that size and given out front to back, so that nothing written is ever changed. */
const PIECE_BYTES = 65_536;
/** Content up to this size is copied beside its frame header; more is written from where it is. */
const COPY_BYTES = 4096;
/** With that much waiting for the end of the turn, no more content is taken. */
const TURN_BYTES = 262_144;
/** Turns a flush is put off while others still write; enough for a few awaits of a handler. */
const MAX_PUT_OFF = 4;

/**
 * Writes frames. All frames of a turn, whatever their streams, leave in one batch: a flush is a microtask that waits
 * until a whole round of microtasks has written nothing more.
 */
export class FrameWriter {
  readonly #stream: ByteStream;
  readonly #onFlushed: () => void;
  /** Payload the peer takes in one frame. */
  maxFrameBytes = MIN_MAX_FRAME;
  /** Frames in reply to the peer's that were written since the socket last wanted more. */
  queuedReplies = 0;
  #piece: Uint8Array = new Uint8Array(0);
  /** Where the unsent part of the piece begins and ends. */
  #from = 0;
  #at = 0;
  readonly #parts: Uint8Array[] = [];
  #waiting = 0;
  #writable = true;
  #scheduled = false;
  #wroteSinceTick = false;
  #putOff = 0;
  #stopped = false;
  readonly #tick = (): void => this.#onTick();

  /**
   * @param stream Where to.
   * @param onFlushed Called after a flush and after a drain, when content may be written again.
   */
  constructor(stream: ByteStream, onFlushed: () => void) {
    this.#stream = stream;
    this.#onFlushed = onFlushed;
  }

  /** Whether content should wait: the socket is full, or this turn has written enough. */
  get full(): boolean {
    return !this.#writable || this.#waiting > TURN_BYTES;
  }

  /** Writes nothing from now on. */
  stop(): void {
    this.#stopped = true;
  }

  /** The socket can take more. */
  drained(): void {
    this.#writable = true;
    this.queuedReplies = 0;
    this.#onFlushed();
  }

  /** Writes raw bytes that are not a frame: the connection preface. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#piece.set(bytes, this.#at);
    this.#wrote(bytes.length);
  }

  /**
   * Writes a header block as HEADERS and, where it is longer than a frame, CONTINUATION frames.
   *
   * @param streamId The stream.
   * @param pseudo Pseudo-headers, flat; may be empty.
   * @param pairs Header fields, flat.
   * @param endStream Whether no content follows.
   * @param encoder The encoder of the connection.
   * @returns Bytes of all names and values.
   * @throws {InvalidFieldError} When a field cannot be sent; nothing was written then.
   */
  headers(
    streamId: number,
    pseudo: readonly string[],
    pairs: readonly string[],
    endStream: boolean,
    encoder: HpackEncoder,
  ): number {
    let size = 0;
    for (let i = 0; i < pseudo.length; i++) size += pseudo[i]!.length;
    for (let i = 0; i < pairs.length; i++) size += pairs[i]!.length;
    const fields = (pseudo.length + pairs.length) / 2;
    this.#reserve(FRAME_HEADER_BYTES + HPACK_BLOCK_OVERHEAD + size + fields * HPACK_FIELD_OVERHEAD);
    const start = this.#at + FRAME_HEADER_BYTES;
    try {
      encoder.begin(this.#piece, start);
      for (let i = 0; i < pseudo.length; i += 2) encoder.field(pseudo[i]!, pseudo[i + 1]!);
      for (let i = 0; i < pairs.length; i += 2) encoder.field(pairs[i]!, pairs[i + 1]!);
    } catch (error) {
      // The block is not sent, so what it put into the table must not stay there.
      encoder.reset();
      throw error;
    }
    const length = encoder.finish() - start;
    const flags = endStream ? FrameFlag.END_STREAM : 0;
    if (length <= this.maxFrameBytes) {
      this.#header(length, FrameType.HEADERS, flags | FrameFlag.END_HEADERS, streamId);
      this.#wrote(FRAME_HEADER_BYTES + length);
    } else {
      this.#split(this.#piece.slice(start, start + length), flags, streamId);
    }
    return size;
  }

  /** Writes one DATA frame of `bytes[start..end]`, which must not change until it is sent. */
  data(streamId: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const length = end - start;
    const copied = length <= COPY_BYTES;
    this.#reserve(FRAME_HEADER_BYTES + (copied ? length : 0));
    this.#header(length, FrameType.DATA, endStream ? FrameFlag.END_STREAM : 0, streamId);
    if (copied) {
      if (length > 0) {
        this.#piece.set(
          start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end),
          this.#at + FRAME_HEADER_BYTES,
        );
      }
      this.#wrote(FRAME_HEADER_BYTES + length);
      return;
    }
    this.#wrote(FRAME_HEADER_BYTES);
    this.#cut();
    this.#parts.push(bytes.subarray(start, end));
    this.#waiting += length;
  }

  /** Writes SETTINGS with the parameters given flat. */
  settings(parameters: readonly number[]): void {
    const length = parameters.length / 2 * SETTING_BYTES;
    this.#begin(length, FrameType.SETTINGS, 0, 0);
    for (let i = 0, at = this.#at + FRAME_HEADER_BYTES; i < parameters.length; i += 2, at += SETTING_BYTES) {
      this.#piece[at] = parameters[i]! >>> 8;
      this.#piece[at + 1] = parameters[i]!;
      putUint32(this.#piece, at + 2, parameters[i + 1]!);
    }
    this.#wrote(FRAME_HEADER_BYTES + length);
  }

  /** Acknowledges SETTINGS. */
  settingsAck(): void {
    this.#begin(0, FrameType.SETTINGS, FrameFlag.ACK, 0);
    this.#wrote(FRAME_HEADER_BYTES);
    this.queuedReplies++;
  }

  /** Writes PING with the eight bytes given as two numbers. */
  ping(high: number, low: number, ack: boolean): void {
    this.#begin(8, FrameType.PING, ack ? FrameFlag.ACK : 0, 0);
    putUint32(this.#piece, this.#at + FRAME_HEADER_BYTES, high);
    putUint32(this.#piece, this.#at + FRAME_HEADER_BYTES + 4, low);
    this.#wrote(FRAME_HEADER_BYTES + 8);
    if (ack) this.queuedReplies++;
  }

  /** Writes RST_STREAM. */
  reset(streamId: number, errorCode: number): void {
    this.#begin(4, FrameType.RST_STREAM, 0, streamId);
    putUint32(this.#piece, this.#at + FRAME_HEADER_BYTES, errorCode);
    this.#wrote(FRAME_HEADER_BYTES + 4);
    this.queuedReplies++;
  }

  /** Writes WINDOW_UPDATE; stream 0 is the connection. */
  windowUpdate(streamId: number, increment: number): void {
    this.#begin(4, FrameType.WINDOW_UPDATE, 0, streamId);
    putUint32(this.#piece, this.#at + FRAME_HEADER_BYTES, increment);
    this.#wrote(FRAME_HEADER_BYTES + 4);
  }

  /** Writes GOAWAY. */
  goAway(lastStreamId: number, errorCode: number): void {
    this.#begin(8, FrameType.GOAWAY, 0, 0);
    putUint32(this.#piece, this.#at + FRAME_HEADER_BYTES, lastStreamId);
    putUint32(this.#piece, this.#at + FRAME_HEADER_BYTES + 4, errorCode);
    this.#wrote(FRAME_HEADER_BYTES + 8);
  }

  /** Hands everything written to the socket now. */
  flush(): void {
    this.#cut();
    const parts = this.#parts;
    if (parts.length === 0 || this.#stopped) return;
    this.#waiting = 0;
    const stream = this.#stream;
    if (parts.length > 1) stream.cork();
    for (let i = 0; i < parts.length; i++) this.#writable = stream.write(parts[i]!);
    if (parts.length > 1) stream.uncork();
    parts.length = 0;
    if (!this.#writable) return;
    this.queuedReplies = 0;
    this.#onFlushed();
  }

  #begin(length: number, type: number, flags: number, streamId: number): void {
    this.#reserve(FRAME_HEADER_BYTES + length);
    this.#header(length, type, flags, streamId);
  }

  #header(length: number, type: number, flags: number, streamId: number): void {
    putFrameHeader(this.#piece, this.#at, length, type, flags, streamId);
  }

  #split(block: Uint8Array, flags: number, streamId: number): void {
    for (let at = 0; at < block.length; at += this.maxFrameBytes) {
      const part = block.subarray(at, at + this.maxFrameBytes);
      const last = at + part.length === block.length ? FrameFlag.END_HEADERS : 0;
      if (at === 0) this.#begin(part.length, FrameType.HEADERS, flags | last, streamId);
      else this.#begin(part.length, FrameType.CONTINUATION, last, streamId);
      this.#piece.set(part, this.#at + FRAME_HEADER_BYTES);
      this.#wrote(FRAME_HEADER_BYTES + part.length);
    }
  }

  /** Makes room for `size` bytes in one piece at `#at`. */
  #reserve(size: number): void {
    if (this.#piece.length - this.#at >= size) return;
    this.#cut();
    this.#piece = new Uint8Array(Math.max(PIECE_BYTES, size));
    this.#from = this.#at = 0;
  }

  #cut(): void {
    if (this.#at === this.#from) return;
    this.#parts.push(this.#piece.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }

  #wrote(size: number): void {
    this.#at += size;
    this.#waiting += size;
    this.#wroteSinceTick = true;
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#putOff = 0;
    queueMicrotask(this.#tick);
  }

  #onTick(): void {
    if (this.#wroteSinceTick && this.#putOff < MAX_PUT_OFF) {
      this.#wroteSinceTick = false;
      this.#putOff++;
      queueMicrotask(this.#tick);
      return;
    }
    this.#scheduled = false;
    this.#wroteSinceTick = false;
    this.flush();
  }
}
