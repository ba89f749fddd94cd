import type { HeaderList } from "../header_list.ts";
import { ChunkedDecoder } from "./chunked_decoder.ts";
import { FieldLines } from "./field_lines.ts";
import { CHUNKED, type Framing, UNTIL_CLOSE } from "./framing.ts";
import { HeadReader } from "./head_reader.ts";
import type { Http1Limits } from "./limits.ts";
import { MessageHead } from "./message_head.ts";
import { Http1ParseError } from "./parse_error.ts";
import { readTrailers } from "./trailers.ts";

/** Receives what a {@linkcode Http1Parser} reads: for each message `onHead`, then `onWhole` or the other three. */
export interface ParserOwner<Line> {
  /**
   * A head was read.
   *
   * @returns How the content is framed.
   */
  onHead(line: Line, head: MessageHead): Framing;
  /** The message has no content (`null`), or all of it is here. */
  onWhole(content: Uint8Array | null): void;
  /** Content of that many bytes (`null` if unknown) follows. */
  onContentStart(length: number | null): void;
  /** Content; never empty. */
  onContent(bytes: Uint8Array): void;
  /** The content is over. */
  onContentEnd(trailers: HeaderList | null): void;
}

const enum State {
  /** Waiting for a head or within one. -> Head (no content, or all of it at hand) | Length | Chunked | UntilClose */
  Head,
  /** Within content of known length. -> Head */
  Length,
  /** Within chunked content. -> Trailers */
  Chunked,
  /** Behind the last chunk. -> Head */
  Trailers,
  /** Within content that the end of the connection ends. -> Dead */
  UntilClose,
  /** Over, or beyond repair: everything is ignored. */
  Dead,
}

/**
 * The strict HTTP/1.1 parser of both roles: bytes in, events out, in one pass and without waiting.
 *
 * It throws {@linkcode Http1ParseError} and nothing else (besides what its owner throws) and is dead after that.
 */
export class Http1Parser<Line> {
  readonly #parseLine: (line: string) => Line;
  readonly #owner: ParserOwner<Line>;
  readonly #limits: Http1Limits;
  readonly #headReader = new HeadReader(true);
  readonly #fieldLines: FieldLines;
  #trailerReader: HeadReader | null = null;
  #chunkedDecoder: ChunkedDecoder | null = null;
  #state: State = State.Head;
  #remaining = 0;
  #held = false;
  #stash: Uint8Array[] = [];
  #lastLineText = "";
  #lastLine: Line | null = null;

  /**
   * @param parseLine Reads a start line.
   * @param owner Receives what is read.
   * @param limits Bounds.
   */
  constructor(parseLine: (line: string) => Line, owner: ParserOwner<Line>, limits: Http1Limits) {
    this.#parseLine = parseLine;
    this.#owner = owner;
    this.#limits = limits;
    this.#fieldLines = new FieldLines(limits);
  }

  /** Whether no byte of a next message has arrived. */
  get atStart(): boolean {
    return this.#state === State.Head && !this.#headReader.pending && this.#stash.length === 0;
  }

  /** Whether bytes wait behind {@linkcode Http1Parser.hold}. */
  get stashed(): boolean {
    return this.#stash.length > 0;
  }

  /**
   * Reads received bytes, which it owns and may change.
   *
   * @throws {Http1ParseError} For malformed input.
   */
  push(chunk: Uint8Array): void {
    if (this.#held) {
      if (chunk.length > 0) this.#stash.push(chunk);
      return;
    }
    try {
      this.#run(chunk);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Reads no message beyond the current one until {@linkcode Http1Parser.release}. */
  hold(): void {
    this.#held = true;
  }

  /**
   * Reads on, beginning with what was kept.
   *
   * @throws {Http1ParseError} For malformed input.
   */
  release(): void {
    this.#held = false;
    const stash = this.#stash;
    if (stash.length === 0) return;
    this.#stash = [];
    for (const chunk of stash) this.push(chunk);
  }

  /**
   * The peer has sent its last byte.
   *
   * @throws {Http1ParseError} In the middle of a message.
   */
  finish(): void {
    if (this.#state === State.UntilClose) {
      this.stop();
      this.#owner.onContentEnd(null);
      return;
    }
    if (this.#state === State.Dead || this.atStart || this.#held) return;
    this.stop();
    throw new Http1ParseError(400, "Cannot read the message: the connection ended in the middle of it");
  }

  /** Whether it was stopped; asked after a call of the owner, which may do so. */
  get #dead(): boolean {
    return this.#state === State.Dead;
  }

  /** Ignores everything from now on. */
  stop(): void {
    this.#state = State.Dead;
    this.#stash = [];
  }

  #run(chunk: Uint8Array): void {
    const end = chunk.length;
    let at = 0;
    while (at < end) {
      switch (this.#state) {
        case State.Head:
          if (this.#held) {
            this.#stash.push(at === 0 ? chunk : chunk.subarray(at));
            return;
          }
          at = this.#readHead(chunk, at);
          break;
        case State.Length: {
          const take = Math.min(this.#remaining, end - at);
          this.#remaining -= take;
          const done = this.#remaining === 0;
          if (done) this.#state = State.Head;
          this.#owner.onContent(at === 0 && take === end ? chunk : chunk.subarray(at, at + take));
          at += take;
          if (done && !this.#dead) this.#owner.onContentEnd(null);
          break;
        }
        case State.Chunked: {
          const decoder = this.#chunkedDecoder!;
          const content = decoder.read(chunk, at);
          at = decoder.next;
          if (decoder.done) {
            this.#trailerReader ??= new HeadReader(false);
            this.#trailerReader.begin("\r\n");
            this.#state = State.Trailers;
          }
          if (content.length > 0) this.#owner.onContent(content);
          if (this.#dead) return;
          break;
        }
        case State.Trailers:
          at = this.#readTrailers(chunk, at);
          break;
        case State.UntilClose:
          this.#owner.onContent(at === 0 ? chunk : chunk.subarray(at));
          return;
        case State.Dead:
          return;
      }
    }
  }

  #readHead(chunk: Uint8Array, at: number): number {
    const reader = this.#headReader;
    const text = reader.read(chunk, at, this.#limits.maxHeadBytes);
    if (text === null) return chunk.length;
    // RFC 9112 section 2.2: one empty line before a start line is ignored.
    const start = text.charCodeAt(0) === 0x0d && text.charCodeAt(1) === 0x0a ? 2 : 0;
    const lineEnd = text.indexOf("\r\n", start);
    if (lineEnd === start || lineEnd === -1) throw new Http1ParseError(400, "Cannot read the head: it is empty");
    const line = this.#startLine(text, start, lineEnd);
    const head = new MessageHead();
    head.bytes = reader.end + 2 - start;
    const next = reader.next;
    this.#fieldLines.read(text, lineEnd + 2, reader.end, head);
    const framing = this.#owner.onHead(line, head);
    if (framing === 0) {
      this.#owner.onWhole(null);
    } else if (framing > 0 && chunk.length - next >= framing) {
      this.#owner.onWhole(chunk.subarray(next, next + framing));
      return next + framing;
    } else {
      this.#beginContent(framing);
    }
    return next;
  }

  #beginContent(framing: Framing): void {
    if (framing === CHUNKED) {
      this.#chunkedDecoder ??= new ChunkedDecoder(this.#limits);
      this.#chunkedDecoder.reset();
      this.#state = State.Chunked;
    } else if (framing === UNTIL_CLOSE) {
      this.#state = State.UntilClose;
    } else {
      this.#remaining = framing;
      this.#state = State.Length;
    }
    this.#owner.onContentStart(framing < 0 ? null : framing);
  }

  #startLine(text: string, start: number, end: number): Line {
    const line = text.substring(start, end);
    if (this.#lastLine !== null && line === this.#lastLineText) return this.#lastLine;
    if (line.length > this.#limits.maxStartLineBytes) {
      throw new Http1ParseError(
        414,
        `Cannot read the start line: it is longer than '${this.#limits.maxStartLineBytes}' bytes`,
      );
    }
    const parsed = this.#parseLine(line);
    this.#lastLine = parsed;
    this.#lastLineText = line;
    return parsed;
  }

  #readTrailers(chunk: Uint8Array, at: number): number {
    const reader = this.#trailerReader!;
    const text = reader.read(chunk, at, this.#limits.maxTrailerBytes);
    if (text === null) return chunk.length;
    const trailers = readTrailers(text, 2, reader.end, this.#limits);
    const next = reader.next;
    this.#state = State.Head;
    this.#owner.onContentEnd(trailers);
    return next;
  }
}
