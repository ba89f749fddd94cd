import { createHash } from "node:crypto";
import type { ModuleSource } from "./module_source.ts";

/** Code that is part of the configuration. */
export class InlineSource implements ModuleSource {
  readonly location = "inline";
  readonly immediate = true;
  readonly key: string;
  readonly #bytes: Uint8Array;

  /** @param bytes The code; not copied. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.key = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  }

  load(): Promise<Uint8Array> {
    return Promise.resolve(this.#bytes);
  }
}
