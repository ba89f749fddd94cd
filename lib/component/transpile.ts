import type { TranspileAnswer, TranspiledComponent } from "./transpiled_component.ts";

/**
 * Takes a component apart with jco, in a worker that ends afterwards.
 *
 * @throws {Error} When the bytes are no valid component, or jco cannot be loaded.
 */
export function transpile(bytes: Uint8Array): Promise<TranspiledComponent> {
  const worker = new Worker(new URL("./transpile_worker.ts", import.meta.url), { type: "module", name: "transpile" });
  return new Promise<TranspiledComponent>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<TranspileAnswer>) => {
      if ("component" in data) resolve(data.component);
      else reject(new Error(data.error));
    };
    worker.onerror = (event) => {
      // Otherwise what fails in the worker ends the program.
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(bytes);
  }).finally(() => worker.terminate());
}
