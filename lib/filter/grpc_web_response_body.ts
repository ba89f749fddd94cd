import type { Body } from "../http/body.ts";
import { BodyWrapper } from "../http/body_wrapper.ts";
import type { HeaderList } from "../http/header_list.ts";

/** Flag of the frame that holds the trailers. */
const TRAILERS = 0x80;
const PREFIX_BYTES = 5;

/**
 * A gRPC response as gRPC-Web has it: its trailers are one more frame at the end of the content. As text each frame is
 * base64 of its own, with padding.
 */
export class GrpcWebResponseBody extends BodyWrapper {
  readonly #text: FrameText | null;
  #over = false;
  #whole: Uint8Array | null = null;

  /**
   * @param inner The content, gRPC messages.
   * @param text Whether it becomes base64.
   */
  constructor(inner: Body, text: boolean) {
    super(inner);
    this.#text = text ? new FrameText() : null;
  }

  override get length(): null {
    return null;
  }

  /** They are in the content. */
  override get trailers(): null {
    return null;
  }

  override whole(): Uint8Array | null {
    if (this.#whole !== null) return this.#whole;
    const bytes = this.#over ? null : this.inner.whole();
    if (bytes === null) return null;
    this.#over = true;
    return this.#whole = join(this.#text?.encode(bytes) ?? bytes, this.#end());
  }

  override async read(): Promise<Uint8Array | null> {
    if (this.#whole !== null) {
      const whole = this.#whole;
      this.#whole = null;
      this.inner.cancel();
      return whole.length === 0 ? null : whole;
    }
    while (!this.#over) {
      const chunk = await this.inner.read();
      if (chunk === null) {
        this.#over = true;
        const end = this.#end();
        return end.length === 0 ? null : end;
      }
      const bytes = this.#text?.encode(chunk) ?? chunk;
      if (bytes.length > 0) return bytes;
    }
    return null;
  }

  #end(): Uint8Array {
    const { trailers } = this.inner;
    if (trailers === null) return EMPTY;
    const frame = trailerFrame(trailers);
    return this.#text === null ? frame : new TextEncoder().encode(frame.toBase64());
  }
}

const EMPTY = new Uint8Array(0);

function trailerFrame(trailers: HeaderList): Uint8Array {
  let text = "";
  for (const [name, value] of trailers.entries()) text += `${name}:${value}\r\n`;
  const frame = new Uint8Array(PREFIX_BYTES + text.length);
  frame[0] = TRAILERS;
  new DataView(frame.buffer).setUint32(1, text.length);
  for (let i = 0; i < text.length; i++) frame[PREFIX_BYTES + i] = text.charCodeAt(i);
  return frame;
}

/** Writes frames as base64 while they arrive: what is no group of three yet waits, the end of a frame is padded. */
class FrameText {
  /** Bytes of the current group. */
  #waiting: Uint8Array = EMPTY;
  #prefix = 0;
  #length = 0;
  /** Bytes of the current frame still to come after its prefix. */
  #remaining = 0;

  encode(chunk: Uint8Array): Uint8Array {
    let text = "";
    let from = 0;
    for (let at = 0; at < chunk.length;) {
      at = this.#advance(chunk, at);
      if (this.#prefix > 0 || this.#remaining > 0) continue;
      text += join(this.#waiting, chunk.subarray(from, at)).toBase64();
      this.#waiting = EMPTY;
      from = at;
    }
    const rest = join(this.#waiting, chunk.subarray(from));
    const groups = rest.length - rest.length % 3;
    text += rest.subarray(0, groups).toBase64();
    this.#waiting = rest.slice(groups);
    return new TextEncoder().encode(text);
  }

  /** Follows the frame to the end of its prefix, of its message or of the chunk. */
  #advance(chunk: Uint8Array, at: number): number {
    if (this.#remaining > 0) {
      const step = Math.min(this.#remaining, chunk.length - at);
      this.#remaining -= step;
      return at + step;
    }
    // The first byte holds flags.
    this.#length = this.#prefix === 0 ? 0 : this.#length * 256 + chunk[at]!;
    if (++this.#prefix === PREFIX_BYTES) {
      this.#prefix = 0;
      this.#remaining = this.#length;
    }
    return at + 1;
  }
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
