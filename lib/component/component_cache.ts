import { CompiledComponent } from "./compiled_component.ts";
import { ComponentFolder } from "./component_folder.ts";
import { transpile } from "./transpile.ts";
import type { TranspiledComponent } from "./transpiled_component.ts";

/** Which component is wanted, and how. */
export interface ComponentRequest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes each of its memories may grow to. */
  readonly memoryLimit: number;
  /** Folder that keeps components jco has taken apart; `null` for none. */
  readonly folder: string | null;
}

/**
 * The components of a mesh, by the SHA-256 of their bytes: each is taken apart and compiled once, however many filters use
 * it and however often it is loaded anew. One that no filter uses any more can be collected.
 */
export class ComponentCache {
  readonly #compiled = new Map<string, WeakRef<CompiledComponent>>();
  readonly #pending = new Map<string, Promise<CompiledComponent>>();

  /** The compiled component. @throws {Error} When it is none, or no filter. */
  async get(request: ComponentRequest): Promise<CompiledComponent> {
    const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", request.bytes)).toHex();
    const key = `${sha256} ${request.memoryLimit}`;
    const known = this.#compiled.get(key)?.deref();
    if (known !== undefined) return known;
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = compile(request, sha256).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    const compiled = await pending;
    for (const [other, ref] of this.#compiled) if (ref.deref() === undefined) this.#compiled.delete(other);
    this.#compiled.set(key, new WeakRef(compiled));
    return compiled;
  }
}

async function compile({ bytes, memoryLimit, folder }: ComponentRequest, sha256: string): Promise<CompiledComponent> {
  const kept = folder === null ? null : new ComponentFolder(folder, sha256);
  const found = await kept?.read() ?? null;
  const component: TranspiledComponent = found ?? await transpile(bytes);
  const compiled = await CompiledComponent.compile(component, memoryLimit);
  if (found === null) await kept?.write(component);
  return compiled;
}
