/**
 * Builds the filters of `filters/component/` and `filters/proxy_wasm/`: `deno task build:filters [--check]`.
 *
 * C by Debian's clang 14 (taken from the machine, else installed with apt-get, as root) and the tools of jco; JavaScript by
 * componentize-qjs. Components of C are small and the same byte for byte at each build, so they are in the repository,
 * and `--check` builds them anew and compares; one of JavaScript holds an engine of 1.6 MB and is built where it is
 * wanted.
 */
import { buildProxyWasm } from "./build_proxy_wasm.ts";
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";

const FOLDER = new URL("../../filters/component/", import.meta.url);
const WIT = new URL("../../filters/wit/", import.meta.url);
const PACKAGES = ["clang-14", "lld-14"];
const C_FILTERS = { header_tag: "filter", digit_mask: "body-filter" } as const;

async function main(): Promise<void> {
  const check = Deno.args.includes("--check");
  await installClang();
  let stale = await buildProxyWasm(check);
  for (const [name, world] of Object.entries(C_FILTERS)) {
    const component = await buildC(name, world);
    const target = new URL(`${name}.wasm`, FOLDER);
    const kept = await Deno.readFile(target).catch(() => new Uint8Array(0));
    const same = component.length === kept.length && component.every((byte, i) => byte === kept[i]);
    if (!check) await Deno.writeFile(target, component);
    else if (!same) stale++;
    console.log(`${name}.wasm: ${component.length} bytes, ${same ? "as before" : check ? "DIFFERS" : "changed"}`);
  }
  if (!check) {
    const component = await buildJavaScript("path_guard");
    await Deno.mkdir(new URL("built/", FOLDER), { recursive: true });
    await Deno.writeFile(new URL("built/path_guard.wasm", FOLDER), component);
    console.log(`built/path_guard.wasm: ${component.length} bytes`);
  }
  if (stale > 0) {
    console.error("Modules are not what their sources say; run 'deno task build:filters'");
    Deno.exit(1);
  }
}

/** A C source to a core module to a component. */
export async function buildC(name: string, world: string): Promise<Uint8Array> {
  const output = await Deno.makeTempFile({ suffix: ".wasm" });
  try {
    await run("clang-14", [
      ...["--target=wasm32", "-nostdlib", "-O2", "-Wall", "-Wno-unused", "-Werror"],
      ...["-Wl,--no-entry", "-Wl,--strip-all", "-Wl,--initial-memory=131072", "-Wl,-z,stack-size=16384"],
      ...["-o", output, `${name}.c`],
    ]);
    const witSource = await Deno.readTextFile(new URL("filter.wit", WIT));
    const core = await Deno.readFile(output);
    return await componentNew(await componentEmbed({ binary: core, witSource, world }), []);
  } finally {
    await Deno.remove(output);
  }
}

/**
 * A JavaScript source to a component.
 *
 * @param name Of a file of the folder, or a `data:` URL with the source.
 * @param stubWasi Whether it goes without WASI.
 */
export async function buildJavaScript(name: string, stubWasi = true): Promise<Uint8Array> {
  const { componentize } = await import("componentize-qjs");
  const { component } = await componentize({
    witPath: WIT.pathname,
    world: "filter",
    jsSource: await sourceOf(name),
    stubWasi,
    sync: true,
    optSize: true,
  });
  return component;
}

async function sourceOf(name: string): Promise<string> {
  if (name.startsWith("data:")) return await (await fetch(name)).text();
  return await Deno.readTextFile(new URL(`${name}.js`, FOLDER));
}

async function installClang(): Promise<void> {
  if (await succeeds("clang-14", ["--version"]) && await succeeds("wasm-ld-14", ["--version"])) return;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update"]);
  await run("apt-get", ["install", "--yes", "--no-install-recommends", ...PACKAGES], env);
}

async function succeeds(command: string, args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, env, cwd: FOLDER }).output();
  if (!success) {
    throw new Error(`Cannot run '${command} ${args.join(" ")}': ${new TextDecoder().decode(stderr).trim()}`);
  }
}

if (import.meta.main) await main();
