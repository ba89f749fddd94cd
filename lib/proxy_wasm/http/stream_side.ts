import { DataAction, HeadersAction, TrailersAction } from "../abi.ts";

/** Where one direction of a stream is, as seen from a module. */
export type SideState =
  /** The module has not seen the headers yet. */
  | "headers"
  /** Headers are held back; content is shown to the module as it comes. */
  | "headers_stopped"
  /** Headers are held back, and nothing is shown until the module continues. */
  | "all_stopped"
  /** Everything passes. */
  | "open"
  /** Content is held back; more of it is shown as it comes. */
  | "content_stopped"
  /** Trailers, and content before them that was held back, wait for the module. */
  | "trailers_stopped"
  /** Nothing comes any more. */
  | "over";

/** What becomes of the content a callback has seen. */
export type ContentFate =
  /** It goes on, after all that was held back. */
  | "pass"
  /** It is held back, and shown again with what follows. */
  | "buffer"
  /** It is held back, and not shown again. */
  | "keep"
  /** It is left out, unless it was held back before. */
  | "drop";

/**
 * The course of one direction of an HTTP stream through a module: what passes, what waits, and what the next callback
 * is about. Actions and their meaning are those of Envoy's filter manager.
 */
export class StreamSide {
  #state: SideState = "headers";

  /** Where it is. */
  get state(): SideState {
    return this.#state;
  }

  /** Whether headers have gone on. */
  get headersPassed(): boolean {
    return this.#state !== "headers" && this.#state !== "headers_stopped" && this.#state !== "all_stopped";
  }

  /** Whether something waits for the module to continue. */
  get stopped(): boolean {
    return this.#state.endsWith("_stopped");
  }

  /**
   * The callback with headers has answered.
   *
   * @param action Its answer, of `HeadersAction`; unknown ones stop everything.
   * @param showContent Whether a plain stop lets content be shown (`allow_on_headers_stop_iteration`).
   */
  answerHeaders(action: number, showContent: boolean): void {
    switch (action) {
      case HeadersAction.CONTINUE:
      case HeadersAction.CONTINUE_AND_END_STREAM:
        this.#state = "open";
        break;
      case HeadersAction.STOP_ITERATION:
        this.#state = showContent ? "headers_stopped" : "all_stopped";
        break;
      default:
        this.#state = "all_stopped";
    }
  }

  /** A callback with content has answered, with one of `DataAction`; unknown ones drop the content. */
  answerContent(action: number): ContentFate {
    if (action === DataAction.CONTINUE) {
      this.#state = "open";
      return "pass";
    }
    if (this.#state === "open") this.#state = "content_stopped";
    switch (action) {
      case DataAction.STOP_ITERATION_AND_BUFFER:
        return "buffer";
      case DataAction.STOP_ITERATION_AND_WATERMARK:
        return "keep";
      default:
        return "drop";
    }
  }

  /** The callback with trailers has answered, with one of `TrailersAction`. */
  answerTrailers(action: number): void {
    this.#state = action === TrailersAction.CONTINUE ? "over" : "trailers_stopped";
  }

  /** The last byte has come and gone: only what is held back is left. */
  end(): void {
    if (this.#state === "open") this.#state = "over";
  }

  /**
   * The module continues, or nobody asks it any more.
   *
   * @returns Whether anything had waited.
   */
  resume(): boolean {
    if (!this.stopped) return false;
    this.#state = this.#state === "trailers_stopped" ? "over" : "open";
    return true;
  }
}
