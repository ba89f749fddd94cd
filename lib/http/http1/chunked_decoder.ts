import type { Http1Limits } from "./limits.ts";
import { Http1ParseError } from "./parse_error.ts";

const enum State {
  /** Before the first digit of a size. -> Size */
  SizeStart,
  /** Within a size. -> Extension | SizeLf */
  Size,
  /** Behind `;`. -> SizeLf */
  Extension,
  /** Behind the CR of a size line. -> Data | Done */
  SizeLf,
  /** Within chunk data. -> DataCr */
  Data,
  /** Behind chunk data. -> DataLf */
  DataCr,
  /** -> SizeStart */
  DataLf,
  /** The last chunk was read; the trailer section follows. */
  Done,
}

/** 12 hexadecimal digits: 256 TiB, well inside a safe integer. */
const MOST_SIZE_DIGITS = 12;

/**
 * Takes the chunked transfer coding off (RFC 9112 section 7.1), without the trailer section.
 *
 * Strict where recipients are known to disagree: digits only, no blanks around a size, CRLF only, no controls in
 * extensions.
 */
export class ChunkedDecoder {
  /** Index behind the last byte taken by {@linkcode ChunkedDecoder.read}. */
  next = 0;
  readonly #limits: Http1Limits;
  #state: State = State.SizeStart;
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;

  /** @param limits Bounds. */
  constructor(limits: Http1Limits) {
    this.#limits = limits;
  }

  /** Whether the last chunk has been read. */
  get done(): boolean {
    return this.#state === State.Done;
  }

  /** Makes ready for another message. */
  reset(): void {
    this.#state = State.SizeStart;
    this.#extensionBytes = 0;
    this.#digits = 0;
    this.#size = 0;
  }

  /**
   * Decodes what it can. The data of several chunks is moved together in place and returned as one piece, so that a
   * peer that sends chunks of one byte cannot make us hold an object for each.
   *
   * @param bytes Received bytes, owned by the caller and changed here.
   * @param start Where to begin.
   * @returns Decoded data, maybe empty.
   * @throws {Http1ParseError} For a malformed size, extension or line end.
   */
  read(bytes: Uint8Array, start: number): Uint8Array {
    const end = bytes.length;
    let at = start;
    let from = start;
    let to = start;
    while (at < end && this.#state !== State.Done) {
      if (this.#state === State.Data) {
        const take = Math.min(this.#size, end - at);
        if (to === from) {
          from = at;
          to = at + take;
        } else {
          bytes.copyWithin(to, at, at + take);
          to += take;
        }
        at += take;
        this.#size -= take;
        if (this.#size === 0) this.#state = State.DataCr;
        continue;
      }
      this.#step(bytes[at++]!);
    }
    this.next = at;
    return bytes.subarray(from, to);
  }

  #step(byte: number): void {
    switch (this.#state) {
      case State.SizeStart:
      case State.Size: {
        const digit = hexDigit(byte);
        if (digit !== -1) {
          if (++this.#digits > MOST_SIZE_DIGITS) throw malformed("a chunk size has too many digits");
          this.#size = this.#size * 16 + digit;
          this.#state = State.Size;
        } else if (this.#state === State.Size && byte === 0x3b) {
          this.#state = State.Extension;
        } else if (this.#state === State.Size && byte === 0x0d) {
          this.#state = State.SizeLf;
        } else {
          throw malformed("a chunk size is not hexadecimal");
        }
        return;
      }
      case State.Extension:
        if (byte === 0x0d) this.#state = State.SizeLf;
        else if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) throw malformed("a chunk extension holds a control");
        if (++this.#extensionBytes > this.#limits.maxChunkExtensionBytes) {
          throw malformed(`chunk extensions are longer than '${this.#limits.maxChunkExtensionBytes}' bytes`);
        }
        return;
      case State.SizeLf:
        if (byte !== 0x0a) throw malformed("a chunk size does not end in CRLF");
        this.#digits = 0;
        this.#state = this.#size === 0 ? State.Done : State.Data;
        return;
      case State.DataCr:
        if (byte !== 0x0d) throw malformed("chunk data is longer than its size");
        this.#state = State.DataLf;
        return;
      case State.DataLf:
        if (byte !== 0x0a) throw malformed("chunk data does not end in CRLF");
        this.#state = State.SizeStart;
        return;
    }
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function malformed(what: string): Http1ParseError {
  return new Http1ParseError(400, `Cannot read the content: ${what}`);
}
