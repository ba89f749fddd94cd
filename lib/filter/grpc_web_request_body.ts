import type { HeaderList } from "../http/header_list.ts";
import type { Body } from "../http/body.ts";
import { decodeBase64 } from "../internal/base64.ts";
import { MeshError } from "../errors.ts";

/** Content of `application/grpc-web-text` as it arrives: base64, read as the bytes it stands for. */
export class GrpcWebRequestBody implements Body {
  readonly #inner: Body;
  /** Characters of a group that is not complete yet: three at most. */
  #rest = "";
  #invalid = false;

  /** @param inner The text. */
  constructor(inner: Body) {
    this.#inner = inner;
  }

  /** Whether what was read is no base64: the read of it has failed. */
  get invalid(): boolean {
    return this.#invalid;
  }

  get length(): null {
    return null;
  }

  get trailers(): HeaderList | null {
    return this.#inner.trailers;
  }

  whole(): null {
    return null;
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = await this.#inner.read();
      if (chunk === null) {
        if (this.#rest !== "") throw this.#refuse();
        return null;
      }
      const text = this.#rest + latin1(chunk);
      const complete = text.length - text.length % 4;
      this.#rest = text.slice(complete);
      if (complete === 0) continue;
      const bytes = decodeBase64(text.slice(0, complete));
      if (bytes === null) throw this.#refuse();
      return bytes;
    }
  }

  cancel(reason?: unknown): void {
    this.#inner.cancel(reason);
  }

  #refuse(): MeshError {
    this.#invalid = true;
    this.#inner.cancel();
    return new MeshError("ABORTED", "Cannot send the content: it is no base64");
  }
}

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  // Arguments go on the stack, which has an end.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
