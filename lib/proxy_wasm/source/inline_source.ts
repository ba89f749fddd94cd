import type { ModuleSource } from "./module_source.ts";

/** Code that is part of the configuration. */
export class InlineSource implements ModuleSource {
  readonly location = "inline";
  readonly immediate = true;
  readonly #bytes: Uint8Array;

  /** @param bytes The code; not copied. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  load(): Promise<Uint8Array> {
    return Promise.resolve(this.#bytes);
  }
}
