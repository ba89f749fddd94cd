import type { Body } from "../body.ts";
import type { HeaderList } from "../header_list.ts";
import { frameHeader } from "./frame_header.ts";
import { mask } from "./mask.ts";
import { Opcode } from "./opcode.ts";

/** What {@linkcode OutgoingFrames} tells its owner. */
export interface OutgoingFramesOwner {
  /** The connection asks for bytes for the first time: it is open. */
  onOpened(): void;
  /** Everything was handed over, the end included. */
  onDrained(): void;
  /** The connection takes no more bytes: it is gone. */
  onCancelled(reason: unknown): void;
}

/** A frame that waits, or is being handed over. */
interface Frame {
  readonly opcode: number;
  /** `null` while its content is not known yet (a Blob): what follows waits for it. */
  payload: Uint8Array | null;
  /** Bytes the application is told to be buffered. */
  readonly counted: number;
  key: Uint8Array | null;
  /** Bytes of the payload handed over; -1 before the header was. */
  sent: number;
}

/** Most bytes handed over at once: bounds what the socket holds, and joins small frames into one write. */
const PIECE_BYTES = 64 * 1024;
const EMPTY = new Uint8Array(0);

/**
 * One direction of a WebSocket as the body the connection reads: frames in, bytes out, no faster than they are taken.
 *
 * States: *waiting* (nobody has read) -> *open* (first read) -> *ended* (end() and everything was read) | *cancelled*.
 */
export class OutgoingFrames implements Body {
  readonly length = null;
  readonly trailers: HeaderList | null = null;
  readonly #owner: OutgoingFramesOwner;
  readonly #newKey: (() => Uint8Array) | null;
  readonly #frames: Frame[] = [];
  /** Payload of the ping to answer; a later one takes its place (RFC 6455 section 5.5.3). */
  #pong: Uint8Array | null = null;
  #waiting: ((chunk: Uint8Array | null) => void) | null = null;
  #opened = false;
  /** A close frame was queued: no other frame may follow it. */
  #closing = false;
  #ending = false;
  #over = false;
  /** Bytes of messages that were not handed over yet, without framing. */
  bufferedAmount = 0;

  /**
   * @param owner Told of progress.
   * @param newKey Makes masking keys for the frames of a client; `null` for a server.
   */
  constructor(owner: OutgoingFramesOwner, newKey: (() => Uint8Array) | null) {
    this.#owner = owner;
    this.#newKey = newKey;
  }

  /**
   * Queues a message.
   *
   * @param payload Its bytes, owned by the queue from now on; a promise holds everything behind it back.
   * @param length How many bytes those are.
   */
  message(opcode: number, payload: Uint8Array | Promise<Uint8Array>, length: number): void {
    this.bufferedAmount += length;
    if (this.#done) return;
    if (payload instanceof Uint8Array) return this.#add(opcode, payload, length);
    const frame: Frame = { opcode, payload: null, counted: length, key: null, sent: -1 };
    this.#frames.push(frame);
    payload.then((bytes) => {
      frame.payload = bytes;
      this.#flush();
    }, (error) => this.cancel(error));
  }

  /** Queues a ping. */
  ping(): void {
    if (!this.#done) this.#add(Opcode.PING, EMPTY, 0);
  }

  /** Answers a ping, before messages that have not begun. */
  pong(payload: Uint8Array): void {
    if (this.#done) return;
    this.#pong = payload;
    this.#flush();
  }

  /** Queues a close frame; nothing can follow it but the end. */
  close(payload: Uint8Array): void {
    if (this.#done) return;
    this.#closing = true;
    this.#add(Opcode.CLOSE, payload, 0);
  }

  /** Forgets messages that have not begun: the peer asked for the end, or broke the protocol. */
  drop(): void {
    const first = this.#frames[0];
    this.#frames.length = first !== undefined && first.sent >= 0 ? 1 : 0;
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#over || this.#ending) return;
    this.#ending = true;
    this.#flush();
  }

  whole(): Uint8Array | null {
    return null;
  }

  read(): Promise<Uint8Array | null> {
    if (!this.#opened) {
      this.#opened = true;
      this.#owner.onOpened();
    }
    if (this.#over) return Promise.resolve(null);
    const chunk = this.#take();
    if (chunk !== null) return Promise.resolve(chunk);
    if (this.#ending) {
      this.#finish();
      return Promise.resolve(null);
    }
    return new Promise((resolve) => this.#waiting = resolve);
  }

  cancel(reason?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#frames.length = 0;
    this.#waiting?.(null);
    this.#waiting = null;
    this.#owner.onCancelled(reason);
  }

  get #done(): boolean {
    return this.#over || this.#ending || this.#closing;
  }

  #add(opcode: number, payload: Uint8Array, counted: number): void {
    this.#frames.push({ opcode, payload, counted, key: null, sent: -1 });
    this.#flush();
  }

  #flush(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    const chunk = this.#take();
    if (chunk === null && !this.#ending) return;
    this.#waiting = null;
    if (chunk === null) this.#finish();
    waiting(chunk);
  }

  #finish(): void {
    this.#over = true;
    this.#owner.onDrained();
  }

  /** The next bytes; `null` for none. */
  #take(): Uint8Array | null {
    const pieces: Uint8Array[] = [];
    let length = 0;
    while (length < PIECE_BYTES) {
      const pong = this.#pong;
      const first = this.#frames[0];
      if (pong !== null && (first === undefined || first.sent < 0)) {
        this.#pong = null;
        this.#frames.unshift({ opcode: Opcode.PONG, payload: pong, counted: 0, key: null, sent: -1 });
        continue;
      }
      if (first === undefined || first.payload === null) break;
      if (first.sent < 0) {
        first.key = this.#newKey?.() ?? null;
        first.sent = 0;
        const header = frameHeader(first.opcode, first.payload.length, first.key);
        pieces.push(header);
        length += header.length;
      }
      const piece = first.payload.subarray(first.sent, first.sent + PIECE_BYTES);
      if (first.key !== null) mask(piece, first.key, first.sent);
      first.sent += piece.length;
      if (first.counted > 0) this.bufferedAmount -= piece.length;
      if (piece.length > 0) pieces.push(piece);
      length += piece.length;
      if (first.sent === first.payload.length) this.#frames.shift();
    }
    return length === 0 ? null : join(pieces, length);
  }
}

function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
