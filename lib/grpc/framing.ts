import type { Body } from "../http/body.ts";
import { GrpcStatusError } from "./grpc_status_error.ts";
import { GrpcStatus } from "./status.ts";

/** Bytes before each message: a flag and a length. */
export const GRPC_PREFIX_BYTES = 5;
/** The largest message taken where nothing else is said: gRPC's usual 4 MiB. */
export const DEFAULT_MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** Unpacks a compressed message to at most `maxBytes`; rejects when there is more or the coding is wrong. */
export type Decompress = (bytes: Uint8Array, maxBytes: number) => Promise<Uint8Array>;

/** Options of {@linkcode GrpcMessageReader}. */
export interface GrpcMessageReaderOptions {
  /** The largest message, before and after unpacking, bytes. @default {4194304} */
  maxBytes?: number;
  /** Unpacks messages whose flag says compressed; without it they fail with INTERNAL. */
  decompress?: Decompress;
}

/** Puts the length and the flag before a message. */
export function frameMessage(message: Uint8Array, compressed = false): Uint8Array {
  const { length } = message;
  const framed = new Uint8Array(GRPC_PREFIX_BYTES + length);
  framed[0] = compressed ? 1 : 0;
  framed[1] = length >>> 24;
  framed[2] = length >>> 16;
  framed[3] = length >>> 8;
  framed[4] = length;
  framed.set(message, GRPC_PREFIX_BYTES);
  return framed;
}

/** Reads the length-prefixed messages of a body, one at a time. */
export class GrpcMessageReader {
  readonly #body: Body | null;
  readonly #maxBytes: number;
  readonly #decompress: Decompress | null;
  /** Received and not yet handed out, from `#at`. */
  #buffer: Uint8Array = EMPTY;
  #at = 0;
  #started = false;
  /** Nothing will arrive behind the buffer. */
  #complete = false;

  /**
   * @param body The content; `null` counts as empty.
   * @param options Size limit and decompression.
   */
  constructor(body: Body | null, options: GrpcMessageReaderOptions = {}) {
    this.#body = body;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
    this.#decompress = options.decompress ?? null;
  }

  /**
   * The next message, or `null` at the end.
   *
   * @throws {GrpcStatusError} RESOURCE_EXHAUSTED for a message above the limit, INTERNAL for wrong framing.
   * @throws {MeshError} When the body fails.
   */
  async next(): Promise<Uint8Array | null> {
    if (!this.#started) this.#takeWhole();
    if (!await this.#fill(GRPC_PREFIX_BYTES)) {
      if (this.#buffer.length > this.#at) throw cutOff();
      return null;
    }
    const buffer = this.#buffer;
    const at = this.#at;
    const flag = buffer[at]!;
    const length = (buffer[at + 1]! << 24 | buffer[at + 2]! << 16 | buffer[at + 3]! << 8 | buffer[at + 4]!) >>> 0;
    if (flag > 1) throw this.#refuse(GrpcStatus.INTERNAL, `Message has the unknown flag ${flag}`);
    if (length > this.#maxBytes) {
      const message = `Received message is larger than allowed: ${length} bytes, limit ${this.#maxBytes}`;
      throw this.#refuse(GrpcStatus.RESOURCE_EXHAUSTED, message);
    }
    if (!await this.#fill(GRPC_PREFIX_BYTES + length)) throw cutOff();
    const start = this.#at + GRPC_PREFIX_BYTES;
    this.#at = start + length;
    const message = this.#buffer.subarray(start, this.#at);
    return flag === 0 ? message : await this.#unpack(message);
  }

  /**
   * The next message where it is at hand and not packed, `null` at the end; `undefined` where `next` has to be asked,
   * which waits for more and says what is wrong. A response that has arrived whole is read without a single promise.
   */
  nextNow(): Uint8Array | null | undefined {
    if (!this.#started) this.#takeWhole();
    const buffer = this.#buffer;
    const at = this.#at;
    const have = buffer.length - at;
    if (have < GRPC_PREFIX_BYTES) return have === 0 && this.#complete ? null : undefined;
    const length = (buffer[at + 1]! << 24 | buffer[at + 2]! << 16 | buffer[at + 3]! << 8 | buffer[at + 4]!) >>> 0;
    if (buffer[at] !== 0 || length > this.#maxBytes || have < GRPC_PREFIX_BYTES + length) return undefined;
    const start = at + GRPC_PREFIX_BYTES;
    this.#at = start + length;
    return buffer.subarray(start, this.#at);
  }

  /**
   * The message of a body that has arrived and holds exactly one, plain and within the limit; else `null`, and
   * {@linkcode GrpcMessageReader.next} reads on or tells what is wrong. Only before the first `next`.
   */
  only(): Uint8Array | null {
    if (!this.#started) this.#takeWhole();
    const buffer = this.#buffer;
    if (this.#at !== 0 || buffer.length < GRPC_PREFIX_BYTES || buffer[0] !== 0) return null;
    const length = (buffer[1]! << 24 | buffer[2]! << 16 | buffer[3]! << 8 | buffer[4]!) >>> 0;
    if (length !== buffer.length - GRPC_PREFIX_BYTES || length > this.#maxBytes) return null;
    this.#at = buffer.length;
    return buffer.subarray(GRPC_PREFIX_BYTES);
  }

  /** Gives up the rest. */
  cancel(reason?: unknown): void {
    this.#buffer = EMPTY;
    this.#at = 0;
    this.#started = true;
    this.#body?.cancel(reason);
  }

  /** A body that has arrived is taken as it is: a unary call then waits for nothing. */
  #takeWhole(): void {
    this.#started = true;
    const whole = this.#body?.whole() ?? null;
    if (whole === null) return;
    this.#buffer = whole;
    this.#complete = true;
    this.#body!.cancel();
  }

  /** Waits until `size` bytes are at hand; `false` when the body ends before. */
  async #fill(size: number): Promise<boolean> {
    if (this.#buffer.length - this.#at >= size) return true;
    const chunks = [this.#buffer.subarray(this.#at)];
    let have = this.#buffer.length - this.#at;
    let ended = false;
    while (have < size) {
      const chunk = await (this.#body?.read() ?? null);
      if (chunk === null) {
        ended = true;
        break;
      }
      chunks.push(chunk);
      have += chunk.length;
    }
    this.#buffer = join(chunks, have);
    this.#at = 0;
    return !ended;
  }

  async #unpack(message: Uint8Array): Promise<Uint8Array> {
    if (this.#decompress === null) throw this.#refuse(GrpcStatus.INTERNAL, "Message is compressed without an encoding");
    try {
      return await this.#decompress(message, this.#maxBytes);
    } catch (error) {
      this.cancel(error);
      throw error;
    }
  }

  #refuse(status: number, details: string): GrpcStatusError {
    const error = new GrpcStatusError(status, details);
    this.cancel(error);
    return error;
  }
}

const EMPTY = new Uint8Array(0);

function cutOff(): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.INTERNAL, "Message is cut off");
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  if (chunks[0]!.length === 0 && chunks.length === 2) return chunks[1]!;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
