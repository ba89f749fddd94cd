import { buildFilter, modulePath, PROXY_WASM_FILTERS } from "./proxy_wasm.ts";

/**
 * Builds the Proxy-Wasm filters of `filters/proxy_wasm/`. The same sources make the same bytes, so the modules are in the
 * repository.
 *
 * @param check Whether modules are compared with those in the repository only.
 * @returns How many of those are not what their sources say.
 */
export async function buildProxyWasm(check: boolean): Promise<number> {
  const cache = `${Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "."}/.cache`}/enmesh-assemblyscript`;
  let stale = 0;
  for (const name of Object.keys(PROXY_WASM_FILTERS)) {
    const module = await buildFilter(name, cache);
    const target = modulePath(name);
    const kept = await Deno.readFile(target).catch(() => new Uint8Array(0));
    const same = module.length === kept.length && module.every((byte, i) => byte === kept[i]);
    if (!check) await Deno.writeFile(target, module);
    else if (!same) stale++;
    console.log(`${name}.wasm: ${module.length} bytes, ${same ? "as before" : check ? "DIFFERS" : "changed"}`);
  }
  return stale;
}
