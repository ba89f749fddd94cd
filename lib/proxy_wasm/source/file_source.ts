import type { ModuleSource } from "./module_source.ts";

/** Code in a file of this machine, as istio-agent leaves it. */
export class FileSource implements ModuleSource {
  readonly location: string;
  readonly key: string;
  readonly immediate = true;

  /** @param path Where it is. */
  constructor(path: string) {
    this.location = path;
    this.key = `file:${path}`;
  }

  load(signal: AbortSignal): Promise<Uint8Array> {
    return Deno.readFile(this.location, { signal });
  }
}
