import { type Body, BytesBody } from "../http/body.ts";
import type { HeaderList } from "../http/header_list.ts";
import type { HttpRequest } from "../http/message.ts";
import { BodyEnd } from "../router/body_end.ts";
import { RequestBuffer } from "./request_buffer.ts";

/**
 * The content of a request as its attempts need it: none, bytes in memory, or a stream, which is kept only where somebody
 * may need it twice.
 */
export class RequestContent {
  readonly #bytes: Uint8Array | null;
  readonly #trailers: HeaderList | null;
  /** The stream; `null` for none and for bytes. */
  #source: Body | null;
  #first: Body | null;
  #buffer: RequestBuffer | null = null;
  #sent: boolean;
  /** Whether there is more of it than may be kept. */
  #tooLong = false;

  /** @param request The request, its body unread. */
  constructor({ body, upgrade }: HttpRequest) {
    this.#bytes = body === null ? null : body.whole();
    this.#trailers = body === null ? null : body.trailers;
    this.#source = body !== null && this.#bytes === null ? body : null;
    this.#first = body;
    // What comes after an upgrade is no part of the request for it.
    this.#sent = this.#source === null || upgrade !== undefined;
  }

  /** Whether the last byte of the request has gone on its way, as far as anybody looks. */
  get sent(): boolean {
    return this.#sent || (this.#buffer !== null && this.#buffer.ended);
  }

  /** Whether the whole of it is there and can be sent again. */
  get complete(): boolean {
    if (this.#source === null) return !this.#tooLong;
    return this.#buffer !== null && this.#buffer.ended && this.#buffer.replayable;
  }

  /** Whether there may be one more attempt. */
  get replayable(): boolean {
    return this.#source === null ? !this.#tooLong : this.#buffer !== null && this.#buffer.replayable;
  }

  /** Tells when the last byte of a stream was read. To be asked for before {@linkcode RequestContent.keep}. */
  onSent(callback: () => void): void {
    if (this.#source === null || this.#sent) return;
    this.#source = this.#first = new BodyEnd(this.#source, () => {
      this.#sent = true;
      callback();
    });
  }

  /** Has what is read of a stream kept, up to so many bytes. What is longer is sent once, wherever it is. */
  keep(limit: number): void {
    this.#tooLong = this.#bytes !== null && this.#bytes.length > limit;
    if (this.#source !== null) this.#buffer = new RequestBuffer(this.#source, limit);
  }

  /** The body of the next attempt. */
  next(): Body | null {
    if (this.#buffer !== null) return this.#buffer.attempt();
    const first = this.#first;
    this.#first = null;
    return first ?? this.again();
  }

  /** The body from memory. */
  again(): Body | null {
    const bytes = this.#bytes ?? this.#buffer?.whole() ?? null;
    return bytes === null ? null : new BytesBody(bytes, this.#trailers ?? this.#buffer?.trailers ?? null);
  }

  /** The body of a copy of the request. */
  mirror(): Body | null {
    return this.#buffer === null ? this.again() : this.#buffer.mirror();
  }

  /** There will be no other attempt. */
  commit(): void {
    this.#buffer?.commit();
  }

  /** Nobody wants it any more. */
  cancel(reason?: unknown): void {
    if (this.#buffer !== null) this.#buffer.cancel(reason);
    else if (this.#source !== null) this.#source.cancel(reason);
    else this.#first?.cancel();
  }
}
