import { decodeLatin1 } from "./latin1.ts";
import { Http1ParseError } from "./parse_error.ts";

/** Decoded first: nearly every head is shorter, and a cached field line keeps its whole head string alive. */
const FIRST_LOOK = 4096;

// Everything that can never stand in a head: controls, a LF without CR, a CR without LF. A CR at the very end is
// undecided until the next piece.
// deno-lint-ignore no-control-regex -- refusing controls is the point
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|[^\r]\n|\r[^\n]/;

/**
 * Collects the bytes of a head, or of a trailer section, up to its empty line.
 *
 * States: empty -> (pieces -> pieces)* -> found -> empty. Work is linear in the bytes, however small the pieces are.
 */
export class HeadReader {
  /** After a found head: where the empty line begins in the returned text, behind the CRLF of the last line. */
  end = 0;
  /** After a found head: index in the chunk of the first byte behind it. */
  next = 0;
  readonly #startLine: boolean;
  readonly #pieces: string[] = [];
  #length = 0;

  /** @param startLine Whether what is read begins with a start line (a head) or not (a trailer section). */
  constructor(startLine: boolean) {
    this.#startLine = startLine;
  }

  /** Whether a head has begun and not ended. */
  get pending(): boolean {
    return this.#length > 0;
  }

  /** Begins with text that was read elsewhere already. */
  begin(text: string): void {
    this.#pieces.push(text);
    this.#length = text.length;
  }

  /**
   * Reads on.
   *
   * @param chunk Received bytes.
   * @param start Where to begin in it.
   * @param limit Most bytes up to and including the empty line.
   * @returns A text that begins with the head, or `null` when more bytes are needed (all of the chunk is then taken).
   * @throws {Http1ParseError} Over the limit, or when an incomplete head holds what can never become valid.
   */
  read(chunk: Uint8Array, start: number, limit: number): string | null {
    if (this.#length > 0) return this.#continue(chunk, start, limit);
    const available = chunk.length - start;
    let text = decodeLatin1(chunk, start, start + Math.min(available, FIRST_LOOK));
    let end = text.indexOf("\r\n\r\n");
    if (end === -1 && available > FIRST_LOOK) {
      text = decodeLatin1(chunk, start, start + Math.min(available, limit));
      end = text.indexOf("\r\n\r\n", FIRST_LOOK - 3);
    }
    if (end === -1) {
      this.#keep(text, available, limit);
      return null;
    }
    if (end + 4 > limit) throw tooLarge(limit);
    this.end = end + 2;
    this.next = start + end + 4;
    return text;
  }

  #continue(chunk: Uint8Array, start: number, limit: number): string | null {
    const room = limit - this.#length;
    const available = chunk.length - start;
    const text = decodeLatin1(chunk, start, start + Math.min(available, room));
    const before = this.#pieces[this.#pieces.length - 1]!;
    const tail = before.length >= 3 ? before.slice(-3) : this.#pieces.slice(-3).join("").slice(-3);
    const found = (tail + text).indexOf("\r\n\r\n");
    if (found === -1) {
      this.#keep(text, available, limit);
      return null;
    }
    const whole = this.#pieces.join("") + text;
    const end = this.#length - tail.length + found;
    this.next = start + end + 4 - this.#length;
    this.end = end + 2;
    this.#pieces.length = 0;
    this.#length = 0;
    return whole;
  }

  #keep(text: string, available: number, limit: number): void {
    // Before the first byte stands, as it were, a character after which a LF is bare.
    const before = this.#pieces[this.#pieces.length - 1]?.slice(-1) ?? " ";
    if (FORBIDDEN.test(before + text)) {
      throw new Http1ParseError(400, "Cannot read the head: it holds a control character or a bare CR or LF");
    }
    if (this.#length + available >= limit) {
      const endless = this.#startLine && !text.includes("\n") && !this.#pieces.some((piece) => piece.includes("\n"));
      throw endless ? new Http1ParseError(414, "Cannot read the head: its first line is too long") : tooLarge(limit);
    }
    this.#pieces.push(text);
    this.#length += text.length;
  }
}

function tooLarge(limit: number): Http1ParseError {
  return new Http1ParseError(431, `Cannot read the head: it is longer than '${limit}' bytes`);
}
