import type { Body } from "./body.ts";
import type { HeaderList } from "./header_list.ts";

/**
 * A body around another, which passes everything on: subclasses say what they do otherwise. It has no `watch`, for what
 * is read through it may differ from what arrives in it.
 */
export class BodyWrapper implements Body {
  protected readonly inner: Body;

  /** @param inner The body that is wrapped. */
  constructor(inner: Body) {
    this.inner = inner;
  }

  get length(): number | null {
    return this.inner.length;
  }

  get trailers(): HeaderList | null {
    return this.inner.trailers;
  }

  whole(): Uint8Array | null {
    return this.inner.whole();
  }

  read(): Promise<Uint8Array | null> {
    return this.inner.read();
  }

  cancel(reason?: unknown): void {
    this.inner.cancel(reason);
  }
}
