import type { Clock, Timer } from "../../internal/clock.ts";
import type { Body } from "../body.ts";
import type { FrameWriter } from "./frame_writer.ts";
import type { PeerBudget } from "./peer_budget.ts";
import { INITIAL_WINDOW, MAX_WINDOW } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";

/** What the sender tells the connection. */
export interface ContentSenderOwner {
  /** That many bytes of content were written. */
  contentProgress(stream: Http2Stream, bytes: number): void;
  /** All content is written; the trailers and the end of the stream are still to be. */
  contentSent(stream: Http2Stream, endStreamSent: boolean): void;
  /** The body could not be read. */
  contentFailed(stream: Http2Stream, error: unknown): void;
  /** The peer gave no window for too long. */
  contentStalled(stream: Http2Stream): void;
}

/**
 * Sends the content of all streams of a connection within the peer's windows: one frame of each stream in turn, one
 * chunk of each body in memory, nothing while the socket is full.
 */
export class ContentSender {
  readonly #owner: ContentSenderOwner;
  readonly #writer: FrameWriter;
  readonly #budget: PeerBudget;
  readonly #clock: Clock;
  readonly #stallMs: number;
  /** What we may send on the connection. */
  #window = INITIAL_WINDOW;
  /** Streams with a chunk and a window; those without a window wait in `#sending` only. */
  readonly #ready: Http2Stream[] = [];
  /** Streams whose content is under way. */
  readonly #sending = new Set<Http2Stream>();
  #stallTimer: Timer | null = null;

  /**
   * @param owner The connection.
   * @param writer Where frames go.
   * @param budget Earns for each frame: the peer may answer it with window updates.
   * @param clock Time.
   * @param stallMs Milliseconds without progress after which a stream is given up.
   */
  constructor(owner: ContentSenderOwner, writer: FrameWriter, budget: PeerBudget, clock: Clock, stallMs: number) {
    this.#owner = owner;
    this.#writer = writer;
    this.#budget = budget;
    this.#clock = clock;
    this.#stallMs = stallMs;
  }

  /**
   * Sends a body.
   *
   * @param stream The stream, its head already written.
   * @param body The content.
   * @param whole The same as bytes, where it is all there.
   */
  start(stream: Http2Stream, body: Body, whole: Uint8Array | null): void {
    stream.outgoing = body;
    if (whole === null) {
      this.#readNext(stream);
    } else {
      // Its bytes are in hand: the codec on the other side of the body may forget them.
      body.cancel();
      stream.lastChunk = true;
      if (whole.length === 0) this.#finish(stream, false);
      else this.#offer(stream, whole);
    }
    // Most content is gone by now: what is small leaves with its head.
    if (stream.outgoing === null) return;
    this.#sending.add(stream);
    this.#watch();
  }

  /** Gives up the content of a stream. */
  stop(stream: Http2Stream, reason: unknown): void {
    const body = stream.outgoing;
    stream.outgoing = stream.chunk = null;
    this.#sending.delete(stream);
    body?.cancel(reason);
  }

  /** Applies WINDOW_UPDATE of the connection; `false` when the window grows too large. */
  grantConnection(increment: number): boolean {
    this.#window += increment;
    if (this.#window > MAX_WINDOW) return false;
    this.pump();
    return true;
  }

  /** Applies WINDOW_UPDATE of a stream or a new initial window; `false` when the window grows too large. */
  grantStream(stream: Http2Stream, increment: number): boolean {
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_WINDOW) return false;
    if (stream.chunk !== null && stream.sendWindow > 0) this.#enqueue(stream);
    this.pump();
    return true;
  }

  /** Sends what windows and socket allow. */
  pump(): void {
    while (this.#ready.length > 0 && this.#window > 0 && !this.#writer.full) {
      const stream = this.#ready.shift()!;
      stream.queued = false;
      if (stream.chunk !== null) this.#sendFrame(stream, stream.chunk);
    }
  }

  /** Ends all work; bodies are cancelled by `stop`. */
  close(): void {
    this.#stallTimer?.cancel();
    this.#stallTimer = null;
    this.#ready.length = 0;
  }

  #offer(stream: Http2Stream, chunk: Uint8Array): void {
    stream.chunk = chunk;
    stream.offset = 0;
    if (stream.sendWindow <= 0) return;
    if (this.#ready.length === 0 && this.#window > 0 && !this.#writer.full) this.#sendFrame(stream, chunk);
    else this.#enqueue(stream);
    this.pump();
  }

  #enqueue(stream: Http2Stream): void {
    if (stream.queued) return;
    stream.queued = true;
    this.#ready.push(stream);
  }

  #sendFrame(stream: Http2Stream, chunk: Uint8Array): void {
    const start = stream.offset;
    const size = Math.min(chunk.length - start, this.#writer.maxFrameBytes, stream.sendWindow, this.#window);
    if (size <= 0) return; // The stream's window was taken away by SETTINGS; a grant queues it again.
    const end = start + size;
    const done = end === chunk.length;
    const endStream = done && stream.lastChunk && stream.outgoing!.trailers === null;
    this.#window -= size;
    stream.sendWindow -= size;
    stream.sentBytes += size;
    stream.offset = end;
    this.#writer.data(stream.id, chunk, start, end, endStream);
    this.#budget.earn();
    this.#owner.contentProgress(stream, size);
    if (!done) {
      if (stream.sendWindow > 0) this.#enqueue(stream);
      return;
    }
    stream.chunk = null;
    if (stream.lastChunk) this.#finish(stream, endStream);
    else this.#readNext(stream);
  }

  #finish(stream: Http2Stream, endStreamSent: boolean): void {
    this.#sending.delete(stream);
    this.#owner.contentSent(stream, endStreamSent);
  }

  #readNext(stream: Http2Stream): void {
    stream.outgoing!.read().then(
      (chunk) => this.#onChunk(stream, chunk),
      (error) => {
        if (stream.outgoing !== null) this.#owner.contentFailed(stream, error);
      },
    );
  }

  #onChunk(stream: Http2Stream, chunk: Uint8Array | null): void {
    if (stream.outgoing === null) return;
    if (chunk === null) this.#finish(stream, false);
    else if (chunk.length === 0) this.#readNext(stream);
    else this.#offer(stream, chunk);
  }

  #watch(): void {
    if (this.#stallTimer !== null || this.#sending.size === 0) return;
    this.#stallTimer = this.#clock.timer(this.#stallMs / 2, () => this.#checkStalls());
  }

  /** Three looks in a row without a byte sent lie at least the whole time apart. */
  #checkStalls(): void {
    this.#stallTimer = null;
    for (const stream of [...this.#sending]) {
      if (stream.chunk === null || stream.sentBytesAtCheck !== stream.sentBytes) {
        stream.sentBytesAtCheck = stream.sentBytes;
        stream.stalledChecks = 0;
      } else if (++stream.stalledChecks === 2) {
        this.#owner.contentStalled(stream);
      }
    }
    this.#watch();
  }
}
