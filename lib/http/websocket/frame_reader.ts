import { CloseCode, mayBeReceived } from "./close_code.ts";
import { GatheredBytes } from "./gathered_bytes.ts";
import { mask } from "./mask.ts";
import { Opcode } from "./opcode.ts";
import { WebSocketError } from "./web_socket_error.ts";

/** Receives what a {@linkcode FrameReader} reads. */
export interface FrameReaderOwner {
  /** A whole message: text as a string, binary as bytes of its own. */
  onMessage(data: string | Uint8Array): void;
  onPing(payload: Uint8Array): void;
  onPong(payload: Uint8Array): void;
  /** The close frame; nothing is read behind it. `code` is 1005 where it had none. */
  onClose(code: number, reason: string): void;
}

/** Settings of {@linkcode FrameReader}. */
export interface FrameReaderOptions {
  /** Whether the peer is a client, which masks its frames, or a server, which does not. */
  readonly peer: "client" | "server";
  /** Most bytes of a message, over all its fragments. */
  readonly maxMessageBytes: number;
}

const enum State {
  /** Gathering the bytes of a header. -> Payload */
  Header,
  /** Gathering a payload of known length. -> Header | Dead (close frame) */
  Payload,
  /** Behind the close frame or an error: everything is ignored. */
  Dead,
}

/** Most bytes of a control frame's payload (RFC 6455 section 5.5). */
const MAX_CONTROL_BYTES = 125;

/**
 * Reads RFC 6455: bytes in, messages and control frames out, in one pass, whatever pieces the bytes come in. Knows no
 * extension. It throws {@linkcode WebSocketError} and nothing else (besides what its owner throws) and is dead after that.
 */
export class FrameReader {
  readonly #owner: FrameReaderOwner;
  readonly #masked: boolean;
  readonly #maxMessageBytes: number;
  readonly #header = new Uint8Array(14);
  #headerLength = 0;
  #headerNeeded = 2;
  #state: State = State.Header;
  /** Of the frame being read. */
  #opcode = 0;
  #final = false;
  #length = 0;
  /** Bytes of its payload that are yet to come. */
  #remaining = 0;
  readonly #key = new Uint8Array(4);
  /** Opcode of the fragmented message that has begun; 0 for none. */
  #message = 0;
  readonly #data = new GatheredBytes();
  readonly #control = new GatheredBytes();

  /**
   * @param owner Receives what is read.
   * @param options Who sends, and bounds.
   */
  constructor(owner: FrameReaderOwner, { peer, maxMessageBytes }: FrameReaderOptions) {
    this.#owner = owner;
    this.#masked = peer === "client";
    this.#maxMessageBytes = maxMessageBytes;
  }

  /**
   * Reads received bytes, which it owns and may change.
   *
   * @throws {WebSocketError} For what RFC 6455 forbids, and for a message over the limit.
   */
  push(chunk: Uint8Array): void {
    try {
      for (let at = 0; at < chunk.length && this.#state !== State.Dead;) {
        at = this.#state === State.Header ? this.#readHeader(chunk, at) : this.#readPayload(chunk, at);
      }
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Ignores everything from now on. */
  stop(): void {
    this.#state = State.Dead;
    this.#data.take();
    this.#control.take();
  }

  #readHeader(chunk: Uint8Array, at: number): number {
    const header = this.#header;
    while (this.#headerLength < this.#headerNeeded) {
      if (at === chunk.length) return at;
      header[this.#headerLength++] = chunk[at++]!;
      if (this.#headerLength === 2) this.#readFirstBytes(header[0]!, header[1]!);
    }
    this.#headerLength = 0;
    this.#headerNeeded = 2;
    this.#begin(header);
    if (this.#remaining === 0) this.#end(null);
    else this.#state = State.Payload;
    return at;
  }

  /** What the first two bytes already tell is refused without waiting for more. */
  #readFirstBytes(first: number, second: number): void {
    if ((first & 0x70) !== 0) throw broken("a reserved bit is set, though no extension was negotiated");
    const opcode = this.#opcode = first & 0x0f;
    this.#final = (first & 0x80) !== 0;
    const short = second & 0x7f;
    switch (opcode) {
      case Opcode.CONTINUATION:
        if (this.#message === 0) throw broken("a fragment came without the beginning of its message");
        break;
      case Opcode.TEXT:
      case Opcode.BINARY:
        if (this.#message !== 0) throw broken("a message began within another");
        break;
      case Opcode.CLOSE:
      case Opcode.PING:
      case Opcode.PONG:
        if (!this.#final) throw broken("a control frame is fragmented");
        if (short > MAX_CONTROL_BYTES) throw broken(`a control frame is longer than '${MAX_CONTROL_BYTES}' bytes`);
        break;
      default:
        throw broken(`the opcode '${opcode}' is reserved`);
    }
    if (((second & 0x80) !== 0) !== this.#masked) {
      throw broken(this.#masked ? "a frame of the client is not masked" : "a frame of the server is masked");
    }
    this.#headerNeeded = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (this.#masked ? 4 : 0);
  }

  /** The header is complete. */
  #begin(header: Uint8Array): void {
    const short = header[1]! & 0x7f;
    const view = new DataView(header.buffer);
    let length = short;
    let at = 2;
    if (short === 126) {
      length = view.getUint16(2);
      if (length < 126) throw broken("a length is not given in its shortest form");
      at = 4;
    } else if (short === 127) {
      const high = view.getUint32(2);
      if (high >= 0x80000000) throw broken("a length has its highest bit set");
      length = high * 0x100000000 + view.getUint32(6);
      if (length < 0x10000) throw broken("a length is not given in its shortest form");
      at = 10;
    }
    if (this.#opcode < Opcode.CLOSE) {
      if (this.#data.length + length > this.#maxMessageBytes) {
        throw new WebSocketError(
          CloseCode.MESSAGE_TOO_BIG,
          `Cannot read the WebSocket message: it is longer than '${this.#maxMessageBytes}' bytes (maxMessageBytes)`,
        );
      }
      if (this.#opcode !== Opcode.CONTINUATION) this.#message = this.#opcode;
    }
    if (this.#masked) this.#key.set(header.subarray(at, at + 4));
    this.#length = this.#remaining = length;
  }

  /** Where payload of the frame being read is gathered. */
  get #buffer(): GatheredBytes {
    return this.#opcode < Opcode.CLOSE ? this.#data : this.#control;
  }

  #readPayload(chunk: Uint8Array, at: number): number {
    const take = Math.min(this.#remaining, chunk.length - at);
    const piece = chunk.subarray(at, at + take);
    if (this.#masked) mask(piece, this.#key, this.#length - this.#remaining);
    this.#remaining -= take;
    const buffer = this.#buffer;
    // Nearly every message is one frame in one piece: nothing is gathered then.
    const whole = this.#remaining === 0 && buffer.length === 0 && (this.#final || this.#opcode >= Opcode.CLOSE);
    if (!whole) buffer.add(piece);
    if (this.#remaining === 0) {
      this.#state = State.Header;
      this.#end(whole ? piece : null);
    }
    return at + take;
  }

  /** A frame is complete. `payload` is `null` where it was gathered. */
  #end(payload: Uint8Array | null): void {
    switch (this.#opcode) {
      case Opcode.PING:
        return this.#owner.onPing(payload ?? this.#control.take());
      case Opcode.PONG:
        return this.#owner.onPong(payload ?? this.#control.take());
      case Opcode.CLOSE:
        return this.#close(payload ?? this.#control.take());
      default:
        if (this.#final) this.#endMessage(payload ?? this.#data.take());
    }
  }

  #endMessage(payload: Uint8Array): void {
    const text = this.#message === Opcode.TEXT;
    this.#message = 0;
    this.#owner.onMessage(text ? decodeUtf8(payload, "a text message") : payload);
  }

  #close(payload: Uint8Array): void {
    this.stop();
    if (payload.length === 0) return this.#owner.onClose(CloseCode.NO_STATUS, "");
    if (payload.length === 1) throw broken("a close frame holds half of a code");
    const code = payload[0]! << 8 | payload[1]!;
    if (!mayBeReceived(code)) throw broken(`the close code '${code}' must not be sent`);
    this.#owner.onClose(code, decodeUtf8(payload.subarray(2), "the reason of a close frame"));
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new WebSocketError(CloseCode.INVALID_PAYLOAD, `Cannot read the WebSocket: ${what} is not UTF-8`);
  }
}

function broken(why: string): WebSocketError {
  return new WebSocketError(CloseCode.PROTOCOL_ERROR, `Cannot read the WebSocket: ${why}`);
}
