import type { ByteStream, ByteStreamHandler } from "../../lib/transport/byte_stream.ts";
import { HpackDecoder } from "../../lib/http/http2/hpack_decoder.ts";

/** A frame as a {@linkcode Http2Peer} received it. */
export interface PeerFrame {
  type: string;
  flags: number;
  stream: number;
  payload: Uint8Array;
  /** Of RST_STREAM and GOAWAY. */
  code?: number;
  /** Of HEADERS. */
  fields?: string[];
}

const TYPES = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
];
const TYPE_CODES: Readonly<Record<string, number>> = Object.fromEntries(TYPES.map((name, code) => [name, code]));

/** The client preface. */
export const PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A frame by its parts; `type` is a name or a number. */
export function frame(
  type: string | number,
  flags: number,
  stream: number,
  payload: readonly number[] | Uint8Array = [],
) {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8);
  bytes[3] = typeof type === "number" ? type : TYPE_CODES[type]!;
  bytes[4] = flags;
  view.setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}

/** A four-byte number in network order. */
export function uint32(value: number): number[] {
  return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}

/** A parameter of SETTINGS. */
export function setting(id: number, value: number): number[] {
  return [id >>> 8, id & 255, ...uint32(value)];
}

/** A header block without any compression: literals that are not indexed. Strings up to 16 KiB. */
export function block(...fields: string[]): number[] {
  const bytes: number[] = [];
  const string = (text: string) => {
    if (text.length < 127) bytes.push(text.length);
    else bytes.push(127, (text.length - 127) & 127 | 128, (text.length - 127) >>> 7);
    for (let i = 0; i < text.length; i++) bytes.push(text.charCodeAt(i));
  };
  for (let i = 0; i < fields.length; i += 2) {
    bytes.push(0);
    string(fields[i]!);
    string(fields[i + 1]!);
  }
  return bytes;
}

/** Fields of a plain GET, and whatever is added. */
export function get(...more: string[]): number[] {
  return block(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "test", ...more);
}

/** Joins byte arrays. */
export function bytes(...parts: (readonly number[] | Uint8Array)[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** A peer that says exactly what a test wants, right or wrong, and remembers what it hears. */
export class Http2Peer implements ByteStreamHandler {
  readonly frames: PeerFrame[] = [];
  closed = false;
  ended = false;
  readonly #stream: ByteStream;
  readonly #decoder = new HpackDecoder(1 << 20);
  #buffer: Uint8Array = new Uint8Array(0);
  #toSkip: number;
  #waiting: (() => void)[] = [];

  /** @param stream Its end. @param role Whether it speaks as a client (and sends the preface) or as a server. */
  constructor(stream: ByteStream, role: "client" | "server") {
    this.#stream = stream;
    this.#toSkip = role === "server" ? PREFACE.length : 0;
    stream.start(this);
  }

  /** Sends bytes as one chunk. */
  send(...parts: (readonly number[] | Uint8Array)[]): void {
    this.#stream.write(bytes(...parts));
  }

  /** Preface and SETTINGS, and the acknowledgement of the other side's. */
  hello(...settings: number[][]): void {
    const mine = [frame("SETTINGS", 0, 0, settings.flat()), frame("SETTINGS", 1, 0)];
    this.send(...(this.#toSkip === 0 ? [PREFACE] : []), ...mine);
  }

  /** Waits for the first frame, among those not taken yet, that fits, and takes it with all before it. */
  async next(type: string, test: (frame: PeerFrame) => boolean = () => true): Promise<PeerFrame> {
    for (;;) {
      const at = this.frames.findIndex((frame) => frame.type === type && test(frame));
      if (at >= 0) return this.frames.splice(0, at + 1)[at]!;
      if (this.closed || this.ended) {
        throw new Error(`Ended without ${type}: ${this.frames.map((f) => `${f.type} ${f.code ?? ""}`).join(", ")}`);
      }
      await this.#change();
    }
  }

  /** Waits for the end of the other side. */
  async end(): Promise<void> {
    while (!this.ended && !this.closed) await this.#change();
  }

  onData(chunk: Uint8Array): void {
    this.#buffer = bytes(this.#buffer, chunk);
    if (this.#toSkip > 0 && this.#buffer.length >= this.#toSkip) {
      this.#buffer = this.#buffer.subarray(this.#toSkip);
      this.#toSkip = 0;
    }
    while (this.#toSkip === 0 && this.#buffer.length >= 9) {
      const view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset);
      const end = 9 + (view.getUint32(0) >>> 8);
      if (this.#buffer.length < end) break;
      this.#take(this.#buffer.slice(0, end));
      this.#buffer = this.#buffer.subarray(end);
    }
    this.#wake();
  }

  onEnd(): void {
    this.ended = true;
    this.#wake();
    this.#stream.end();
  }

  onDrain(): void {}

  onClose(): void {
    this.closed = true;
    this.#wake();
  }

  /** Closes its end. */
  close(): void {
    this.#stream.destroy();
  }

  #take(whole: Uint8Array): void {
    const view = new DataView(whole.buffer);
    const payload = whole.subarray(9);
    const taken: PeerFrame = { type: TYPES[whole[3]!]!, flags: whole[4]!, stream: view.getUint32(5), payload };
    if (taken.type === "RST_STREAM") taken.code = view.getUint32(9);
    if (taken.type === "GOAWAY") taken.code = view.getUint32(13);
    if (taken.type === "HEADERS") {
      const fields: string[] = taken.fields = [];
      this.#decoder.decode(payload, 0, payload.length, { field: (name, value) => (fields.push(name, value), true) });
    }
    this.frames.push(taken);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
