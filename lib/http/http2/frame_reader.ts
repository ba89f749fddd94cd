import { Http2ConnectionError } from "./connection_error.ts";
import { Http2ErrorCode } from "./error_code.ts";
import { FRAME_HEADER_BYTES, frameTypeName, getUint31 } from "./frame.ts";

/** Receives complete frames. */
export interface FrameHandler {
  /**
   * Takes one frame.
   *
   * @param type Its type, known or not.
   * @param flags Its flags.
   * @param streamId Its stream; 0 for the connection.
   * @param bytes Memory that holds the payload and is never written to again.
   * @param start First byte of the payload.
   * @param end Behind its last byte.
   */
  onFrame(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void;
}

/** Cuts the byte stream into frames. A frame that lies within one chunk is not copied. */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #maxFrameBytes: number;
  /** What the peer has to say first; empty once it has been said, and on the client side. */
  #preface: Uint8Array;
  /** The frame that the last chunk left incomplete, its header included. */
  #partial: Uint8Array | null = null;
  #have = 0;
  #stopped = false;

  /**
   * @param handler Receives the frames.
   * @param maxFrameBytes The most payload of a frame: our SETTINGS_MAX_FRAME_SIZE.
   * @param preface What has to come before the first frame.
   */
  constructor(handler: FrameHandler, maxFrameBytes: number, preface: Uint8Array = NOTHING) {
    this.#handler = handler;
    this.#maxFrameBytes = maxFrameBytes;
    this.#preface = preface;
  }

  /** Hands out no more frames. */
  stop(): void {
    this.#stopped = true;
    this.#partial = null;
  }

  /**
   * Takes what arrived.
   * @throws {Http2ConnectionError} PROTOCOL_ERROR for a wrong preface, FRAME_SIZE_ERROR for a frame that is too large.
   */
  push(chunk: Uint8Array): void {
    let at = this.#preface.length === 0 ? 0 : this.#readPreface(chunk);
    if (this.#partial !== null) at = this.#fill(chunk, at);
    while (!this.#stopped && chunk.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + this.#length(chunk, at);
      if (end > chunk.length) break;
      this.#handOut(chunk, at, end);
      at = end;
    }
    if (at < chunk.length && !this.#stopped) this.#keep(chunk, at);
  }

  #readPreface(chunk: Uint8Array): number {
    const length = Math.min(this.#preface.length, chunk.length);
    for (let i = 0; i < length; i++) {
      if (chunk[i] === this.#preface[i]) continue;
      throw new Http2ConnectionError(Http2ErrorCode.PROTOCOL_ERROR, "The connection preface is wrong");
    }
    this.#preface = this.#preface.subarray(length);
    return length;
  }

  /** Completes the partial frame as far as the chunk goes; returns the offset behind what it took. */
  #fill(chunk: Uint8Array, at: number): number {
    let partial = this.#partial!;
    if (this.#have < FRAME_HEADER_BYTES) {
      at = this.#take(partial, FRAME_HEADER_BYTES, chunk, at);
      if (this.#have < FRAME_HEADER_BYTES) return at;
      const whole = new Uint8Array(FRAME_HEADER_BYTES + this.#length(partial, 0));
      whole.set(partial);
      partial = this.#partial = whole;
    }
    at = this.#take(partial, partial.length, chunk, at);
    if (this.#have === partial.length) {
      this.#partial = null;
      this.#handOut(partial, 0, partial.length);
    }
    return at;
  }

  #take(target: Uint8Array, upTo: number, chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + upTo - this.#have);
    target.set(chunk.subarray(at, end), this.#have);
    this.#have += end - at;
    return end;
  }

  #keep(chunk: Uint8Array, at: number): void {
    const left = chunk.length - at;
    const size = left < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : FRAME_HEADER_BYTES + this.#length(chunk, at);
    this.#partial = new Uint8Array(size);
    this.#partial.set(chunk.subarray(at));
    this.#have = left;
  }

  #length(bytes: Uint8Array, at: number): number {
    const length = bytes[at]! << 16 | bytes[at + 1]! << 8 | bytes[at + 2]!;
    if (length > this.#maxFrameBytes) {
      const type = frameTypeName(bytes[at + 3]!);
      throw new Http2ConnectionError(
        Http2ErrorCode.FRAME_SIZE_ERROR,
        `A frame of type ${type} has ${length} bytes, more than ${this.#maxFrameBytes}`,
        "maxFrameBytes",
      );
    }
    return length;
  }

  #handOut(bytes: Uint8Array, at: number, end: number): void {
    this.#handler.onFrame(
      bytes[at + 3]!,
      bytes[at + 4]!,
      getUint31(bytes, at + 5),
      bytes,
      at + FRAME_HEADER_BYTES,
      end,
    );
  }
}

const NOTHING = new Uint8Array(0);
