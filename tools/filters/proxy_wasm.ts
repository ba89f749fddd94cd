/** How the Proxy-Wasm filters of `filters/proxy_wasm/` are built: C by Debian's clang 14, AssemblyScript by npm packages. */

const FOLDER = new URL("../../filters/proxy_wasm/", import.meta.url);

/** Filters by name, each with its source. Their modules stand beside the sources. */
export const PROXY_WASM_FILTERS: Readonly<Record<string, string>> = {
  request_id: "request_id.c",
  mask: "mask.c",
  metrics: "assemblyscript/metrics.ts",
  mask_as: "assemblyscript/mask.ts",
  header_tag_as: "assemblyscript/header_tag.ts",
};

/** Packages whose versions decide which bytes come out; the compiler names its optimiser by the exact version itself. */
const PACKAGES = [
  "assemblyscript@0.28.20",
  "@gcoredev/proxy-wasm-sdk-as@1.2.3",
  "@assemblyscript/wasi-shim@0.1.0",
];

/** A C source to a module, without a C library. @param path Of the source. */
export async function buildC(path: URL): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir();
  const output = `${folder}/filter.wasm`;
  try {
    await run("clang-14", [
      ...["--target=wasm32", "-nostdlib", "-fno-builtin", "-O2", "-Wall", "-Wno-unused", "-Werror"],
      ...["-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=8192"],
      ...["-o", output, path.pathname],
    ]);
    return await Deno.readFile(output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * An AssemblyScript source to a module, through the SDK.
 *
 * @param path Of the source.
 * @param cache Folder the packages are kept in; they are installed where it lacks them.
 */
export async function buildAssemblyScript(path: URL, cache: string): Promise<Uint8Array> {
  await installAssemblyScript(cache);
  // Sources are found by relative path only, and packages in the folder of the project.
  const name = path.pathname.split("/").at(-1)!;
  await Deno.copyFile(path, `${cache}/${name}`);
  await run("node", [
    ...["node_modules/assemblyscript/bin/asc.js", name, "--outFile", `${name}.wasm`],
    ...["--use", "abort=abort_proc_exit", "-O3s", "--noAssert"],
    ...["--config", "node_modules/@assemblyscript/wasi-shim/asconfig.json"],
  ], cache);
  return await Deno.readFile(`${cache}/${name}.wasm`);
}

/** Installs the compiler and the SDK of AssemblyScript. */
export async function installAssemblyScript(cache: string): Promise<void> {
  const manifest = JSON.stringify({ private: true, packages: PACKAGES });
  if (await Deno.readTextFile(`${cache}/package.json`).catch(() => "") === manifest) return;
  await Deno.mkdir(cache, { recursive: true });
  await Deno.writeTextFile(`${cache}/package.json`, '{ "private": true }');
  await run("npm", ["install", "--no-audit", "--no-fund", "--no-save", "--no-package-lock", ...PACKAGES], cache);
  await Deno.writeTextFile(`${cache}/package.json`, manifest);
}

/** Builds a filter by its name. @param cache See {@linkcode buildAssemblyScript}. */
export async function buildFilter(name: string, cache: string): Promise<Uint8Array> {
  const source = PROXY_WASM_FILTERS[name];
  if (source === undefined) throw new Error(`Cannot build filter '${name}': there is none of that name`);
  const path = new URL(source, FOLDER);
  return source.endsWith(".c") ? await buildC(path) : await buildAssemblyScript(path, cache);
}

/** Where the module of a filter is kept. */
export function modulePath(name: string): URL {
  return new URL(`${name}.wasm`, FOLDER);
}

async function run(command: string, args: string[], cwd?: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, ...(cwd === undefined ? {} : { cwd }) })
    .output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim() || new TextDecoder().decode(stdout).trim();
  throw new Error(`Cannot run '${command} ${args.join(" ")}': ${said}`);
}
