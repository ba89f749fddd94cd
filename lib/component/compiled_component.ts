import type { FilterExports, HostInterface } from "./filter_world.ts";
import { LiftBudget } from "./lift_budget.ts";
import { limitMemory } from "./limit_memory.ts";
import type { TranspiledComponent } from "./transpiled_component.ts";
import { WASI_INTERFACES, type WasiImports } from "./wasi.ts";

/** The interfaces a filter may import; `types` has no functions. */
const HOST = "enmesh:filter/host";
const KNOWN_IMPORTS: ReadonlySet<string> = new Set([HOST, "enmesh:filter/types", ...WASI_INTERFACES]);
const HANDLER = /^enmesh:filter\/handler@0\.1\.\d+$/;
const BODIES = /^enmesh:filter\/bodies@0\.1\.\d+$/;
/** What ends a JavaScript string, or is not plain text. */
// deno-lint-ignore no-control-regex -- refusing controls is the point
const UNSAFE_NAME = /['"`\\\0-\x1f\x7f\u2028\u2029]|\*\/|\$\{/;

/** What the glue of a component exports. */
type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: WasiImports & { readonly "enmesh:filter/host": HostInterface },
) => Record<string, unknown>;

/** A component whose modules are compiled: instances of it cost a fraction of a millisecond. */
export class CompiledComponent {
  /** What an instance may hand over in one call; whoever calls one resets it. */
  readonly budget: LiftBudget;
  readonly #modules: ReadonlyMap<string, WebAssembly.Module>;
  readonly #instantiate: Instantiate;
  readonly #handler: string;
  readonly #bodies: string | undefined;

  private constructor(modules: ReadonlyMap<string, WebAssembly.Module>, component: TranspiledComponent, limit: number) {
    this.budget = new LiftBudget(limit);
    this.#modules = modules;
    this.#instantiate = evaluate(component.glue, this.budget);
    this.#handler = component.exports.find((name) => HANDLER.test(name))!;
    this.#bodies = component.exports.find((name) => BODIES.test(name));
  }

  /**
   * Checks what a component imports, exports and is called, and compiles its modules, each memory of which is limited.
   *
   * @param component As jco left it.
   * @param memoryLimit Bytes each memory may grow to.
   * @throws {Error} When it is no filter, imports what is not there, or wants more memory.
   */
  static async compile(component: TranspiledComponent, memoryLimit: number): Promise<CompiledComponent> {
    const strange = component.imports.filter((name) => !KNOWN_IMPORTS.has(name));
    if (strange.length > 0) {
      throw new Error(
        `It imports '${strange.join("', '")}'; a filter may import '${HOST}', and WASI 0.2 without sockets and HTTP`,
      );
    }
    if (!component.exports.some((name) => HANDLER.test(name))) {
      throw new Error(
        `It does not export 'enmesh:filter/handler@0.1.0' but '${
          component.exports.join("', '")
        }'; build it for a world ` +
          "of filters/wit/filter.wit",
      );
    }
    checkNames(component.exports);
    const modules = new Map<string, WebAssembly.Module>();
    for (const [name, bytes] of component.modules) {
      const module = await WebAssembly.compile(limitMemory(bytes, memoryLimit));
      for (const { module: from, name } of WebAssembly.Module.imports(module)) checkNames([from, name]);
      checkNames(WebAssembly.Module.exports(module).map(({ name }) => name));
      modules.set(name, module);
    }
    return new CompiledComponent(modules, component, memoryLimit);
  }

  /** Makes an instance. @throws {Error} When its start function traps, or memory is short. */
  instantiate(host: HostInterface, wasi: WasiImports): FilterExports {
    const exports = this.#instantiate((name) => this.#modules.get(name)!, { ...wasi, [HOST]: host });
    const handler = exports[this.#handler] as FilterExports["handler"];
    if (this.#bodies === undefined) return { handler };
    return { handler, bodies: exports[this.#bodies] as NonNullable<FilterExports["bodies"]> };
  }
}

/**
 * jco writes the names of imports and exports into its JavaScript as they are: a name with a quote in it would become
 * code that runs outside of the sandbox. No tool makes such names.
 */
function checkNames(names: readonly string[]): void {
  const unsafe = names.find((name) => UNSAFE_NAME.test(name));
  if (unsafe !== undefined) {
    throw new Error(
      `One of its modules has the name ${JSON.stringify(unsafe)}, which would not stay a name in JavaScript`,
    );
  }
}

/**
 * The function the glue exports. It is no module of the runtime's, for those stay in memory for ever, and it is shown no
 * `process`: the glue would ask the environment at each call whether to write what it does.
 */
function evaluate(glue: string, budget: LiftBudget): Instantiate {
  const body = glue.replaceAll(/^export (?=function instantiate\(|const _util\b)/gm, "")
    .replaceAll(/\b(memory\d+)\.buffer\.slice\(/g, "takeBytes($1.buffer, ");
  if (body.includes(".buffer.slice(")) throw new Error("Its glue copies memory in a way that is not known");
  const take = (memory: ArrayBuffer, from: number, to: number) => budget.take(memory, from, to);
  const make = new Function("globalThis", "console", "TextDecoder", "takeBytes", `${body}\nreturn instantiate;`);
  return make(GLOBALS, QUIET, budget.decoder(), take) as Instantiate;
}

/** What of the global object the glue asks for. */
const GLOBALS = Object.freeze({ WebAssembly });
const QUIET = Object.freeze({ debug() {}, error() {}, warn() {}, log() {} });
