/**
 * Takes a component apart with jco, in a worker of its own: that keeps a thread busy for up to two seconds, and jco holds
 * more than 100 MiB, which go with the worker.
 *
 * @module
 */
import type { TranspileAnswer } from "./transpiled_component.ts";

/** What of a worker's global scope is used. */
interface Scope {
  onmessage: ((event: MessageEvent<Uint8Array>) => void) | null;
  postMessage(answer: TranspileAnswer): void;
}

const scope = globalThis as unknown as Scope;

scope.onmessage = async ({ data }) => scope.postMessage(await transpile(data));

async function transpile(bytes: Uint8Array): Promise<TranspileAnswer> {
  try {
    // Not at the top: what fails there would be printed by the runtime, and told to nobody.
    const { $init, generate } = await import("@bytecodealliance/jco-transpile/component");
    await $init;
    const { files, imports, exports } = generate(bytes, {
      name: "filter",
      instantiation: { tag: "sync" },
      noTypescript: true,
      noNodejsCompat: true,
      noComponentErrorWrapping: true,
      // Modules stay files of their own: their memories are limited before they are compiled.
      base64Cutoff: 0,
    });
    const modules = new Map<string, Uint8Array<ArrayBuffer>>();
    let glue = "";
    for (const [name, content] of files) {
      if (name.endsWith(".wasm")) modules.set(name, new Uint8Array(content));
      else if (name.endsWith(".js")) glue = new TextDecoder().decode(content);
    }
    return { component: { glue, modules, imports, exports: exports.map(([name]) => name) } };
  } catch (error) {
    return { error: describe(error) };
  }
}

/** jco throws what its own components return as errors: objects with a text in `payload`. */
function describe(error: unknown): string {
  const payload = (error as { payload?: unknown } | null)?.payload;
  if (typeof payload === "string") return payload;
  return error instanceof Error ? error.message : String(error);
}
