import { type ImportedMemory, limitModule } from "./limit_module.ts";
import type { HostFunction, ImportTable, WasmInstance, WasmModule, WasmRuntime } from "./runtime.ts";
import { TimeGuard } from "./time_guard.ts";
import { instantiateV8, V8Module } from "./v8.ts";

/** Limits of {@linkcode guardedRuntime}. */
export interface GuardedRuntimeOptions {
  /**
   * Milliseconds one entry into a module may take: a callback, or the few that a request begins or ends with. The module
   * is stopped within twice of it. It is time on the clock: what the machine gives to others in between counts as well,
   * so a budget of a few milliseconds stops modules that are not at fault.
   * @default {100}
   */
  readonly budgetMs?: number;
  /**
   * Bytes the memory of one instance may grow to; growing beyond fails in the module, as out of memory.
   * @default {134_217_728}
   */
  readonly maxMemoryBytes?: number;
}

/** Envoy allows 1 GiB, in a process that does nothing else. */
const MAX_MEMORY_BYTES = 128 * 1024 * 1024;
const BUDGET_MS = 100;
/** Frames tried before a function of the host runs: about 6 KiB of stack. */
const SPARE_FRAMES = 40;

/** A module with limits, compiled. */
class GuardedModule extends V8Module {
  readonly importedMemory: ImportedMemory | null;

  constructor(module: WebAssembly.Module, importedMemory: ImportedMemory | null) {
    super(module);
    this.importedMemory = importedMemory;
  }
}

/**
 * Runs modules in the engine that runs this program, each entry for a limited time and each instance in limited memory:
 * a module that loops for ever, recurses for ever or grows for ever fails by itself, and everything else goes on.
 *
 * What that costs, beside the runtime `v8`: 11 to 13 microseconds an entry, of which a request without a body has three,
 * and a fraction of a microsecond for each call of the host. What it does not do: while a module uses up its budget
 * nothing else runs, for it is the same thread; memory that a module makes the host hold is not in its limit, but in
 * those of what holds it; and modules that use garbage-collected types, threads, several memories or memories of 64 bits
 * are refused.
 *
 * @param options Its limits.
 * @throws {RangeError} For limits that are no limits.
 */
export function guardedRuntime(options: GuardedRuntimeOptions = {}): WasmRuntime {
  const { budgetMs = BUDGET_MS, maxMemoryBytes = MAX_MEMORY_BYTES } = options;
  if (!(budgetMs >= 1 && budgetMs <= 60_000)) {
    throw new RangeError(`Cannot guard modules: 'budgetMs' is '${budgetMs}'; give 1 to 60000 milliseconds`);
  }
  if (!(maxMemoryBytes >= 65_536 && maxMemoryBytes <= 2 ** 32)) {
    throw new RangeError(
      `Cannot guard modules: 'maxMemoryBytes' is '${maxMemoryBytes}'; give 65536 to 4294967296 bytes`,
    );
  }
  const guard = new TimeGuard(budgetMs);
  const run = <T>(task: () => T): T => guard.run(task);
  return {
    name: "guarded",
    async compile(bytes) {
      const limited = limitModule(bytes, maxMemoryBytes);
      return new GuardedModule(await WebAssembly.compile(limited.bytes), limited.importedMemory);
    },
    instantiate(module: WasmModule, imports: ImportTable): WasmInstance {
      if (!(module instanceof GuardedModule)) {
        throw new TypeError("Cannot instantiate the module: it has no limits; compile it with this runtime");
      }
      const table = withMemory(guardImports(imports, guard), module.importedMemory);
      const instance = run(() => instantiateV8(module, table));
      return { memory: instance.memory, function: (name) => instance.function(name), guard: run };
    },
  };
}

/** The same functions, each of which stands back where time or stack run out: it would be stopped half-way. */
function guardImports(imports: ImportTable, guard: TimeGuard): ImportTable {
  const table: Record<string, Record<string, HostFunction>> = {};
  for (const [module, functions] of Object.entries(imports)) {
    const guarded: Record<string, HostFunction> = table[module] = {};
    for (const [name, call] of Object.entries(functions)) guarded[name] = guardImport(call, guard);
  }
  return table;
}

type AnyFunction = (...args: unknown[]) => number | bigint | void;

/** Twelve parameters are the most of any function of the interface; listing them keeps calls free of arrays. */
function guardImport(call: HostFunction, guard: TimeGuard): HostFunction {
  const target = call as AnyFunction;
  const guarded: AnyFunction = (a, b, c, d, e, f, g, h, i, j, k, l) => {
    guard.check();
    probeStack(SPARE_FRAMES);
    return target(a, b, c, d, e, f, g, h, i, j, k, l);
  };
  return guarded as HostFunction;
}

/** Throws where the stack has not that many frames left. */
function probeStack(frames: number): number {
  return frames === 0 ? 0 : probeStack(frames - 1) + 1;
}

function withMemory(table: ImportTable, wanted: ImportedMemory | null): ImportTable {
  if (wanted === null) return table;
  const { module, name, minimum, maximum } = wanted;
  const memory = new WebAssembly.Memory({ initial: minimum, maximum });
  // The engine takes more kinds of imports than functions, which is all the table is otherwise made of.
  return { ...table, [module]: { ...table[module], [name]: memory as unknown as HostFunction } };
}
