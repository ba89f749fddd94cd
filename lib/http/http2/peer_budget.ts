import type { Clock } from "../../internal/clock.ts";
import { Http2ConnectionError } from "./connection_error.ts";
import { Http2ErrorCode } from "./error_code.ts";
import { FloodGuard } from "./flood_guard.ts";
import type { FrameWriter } from "./frame_writer.ts";
import type { Http2Limits } from "./limits.ts";

/** What a peer may do that costs us work and moves nothing. Every method throws when it has done too much of it. */
export class PeerBudget {
  readonly #limits: Readonly<Http2Limits>;
  readonly #writer: FrameWriter;
  readonly #idleFrames: FloodGuard;
  readonly #resets: FloodGuard;

  /**
   * @param limits The limits.
   * @param clock Time, by which events are forgiven.
   * @param writer Where replies wait.
   */
  constructor(limits: Readonly<Http2Limits>, clock: Clock, writer: FrameWriter) {
    this.#limits = limits;
    this.#writer = writer;
    this.#idleFrames = new FloodGuard(clock, limits.idleFrameBurst, limits.idleFramesPerSecond);
    this.#resets = new FloodGuard(clock, limits.resetBurst, limits.resetsPerSecond);
  }

  /** A frame moved something, in either direction: the peer may send more that do not. */
  earn(): void {
    this.#idleFrames.earn();
  }

  /**
   * Pays for a frame that moves nothing.
   * @throws {Http2ConnectionError} ENHANCE_YOUR_CALM.
   */
  spendIdle(what: string): void {
    if (!this.#idleFrames.spend()) throw tooMuch(`Too many frames (${what})`, "idleFrameBurst");
  }

  /**
   * Pays for a stream that was reset by the peer, or by us for the peer's fault.
   * @throws {Http2ConnectionError} ENHANCE_YOUR_CALM.
   */
  spendReset(): void {
    if (!this.#resets.spend()) throw tooMuch("Too many streams reset", "resetBurst");
  }

  /**
   * A peer that makes us answer and does not read the answers must not fill our memory.
   * @throws {Http2ConnectionError} ENHANCE_YOUR_CALM.
   */
  checkReplies(): void {
    const writer = this.#writer;
    const most = this.#limits.maxQueuedReplies;
    if (writer.queuedReplies <= most) return;
    // Replies of one chunk pile up until its end even if the peer reads: only what the socket does not take counts.
    writer.flush();
    if (writer.queuedReplies > most) {
      throw tooMuch(`${writer.queuedReplies} replies wait to be read`, "maxQueuedReplies");
    }
  }
}

function tooMuch(message: string, limit: keyof Http2Limits): Http2ConnectionError {
  return new Http2ConnectionError(Http2ErrorCode.ENHANCE_YOUR_CALM, message, limit);
}
