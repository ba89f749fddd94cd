import type { WasmRuntime } from "../internal/wasm_runtime.ts";
import type { WasmOptions } from "./join_options.ts";
import type { Environment } from "./environment.ts";
import { fromOption, type Settings } from "./settings.ts";

/** What Wasm plugins run on. */
export interface WasmSettings {
  readonly runtime: "v8" | "guarded" | WasmRuntime;
  /** Milliseconds of one entry into a guarded module. @default {the runtime's} */
  readonly budgetMs?: number;
  /** Bytes of memory of a guarded instance. @default {the runtime's} */
  readonly maxMemoryBytes?: number;
}

const PAGE = 65_536;

/** Reads them. @param options What was given; @param env Where variables are; @param settings Takes what is wrong. */
export function readWasmSettings(options: WasmOptions, env: Environment, settings: Settings): WasmSettings {
  const runtime = settings.chooseOr(
    "Wasm runtime",
    [
      fromOption("wasm.runtime", options.runtime),
      { value: env.get("ENMESH_WASM_RUNTIME"), origin: "variable 'ENMESH_WASM_RUNTIME'" },
    ],
    readRuntime,
    "v8",
  );
  const budgetMs = settings.choose(
    "Wasm budget",
    [fromOption("wasm.budgetMs", options.budgetMs)],
    (value) => readNumber(value, 1, 60_000, "milliseconds"),
  );
  const maxMemoryBytes = settings.choose(
    "Wasm memory",
    [fromOption("wasm.maxMemoryBytes", options.maxMemoryBytes)],
    (value) => readNumber(value, PAGE, 65_536 * PAGE, "bytes"),
  );
  return {
    runtime,
    ...(budgetMs === undefined ? {} : { budgetMs }),
    ...(maxMemoryBytes === undefined ? {} : { maxMemoryBytes }),
  };
}

function readRuntime(value: unknown): WasmSettings["runtime"] {
  if (value === "v8" || value === "guarded" || isRuntime(value)) return value;
  throw new TypeError(`Expected 'v8', 'guarded' or a runtime of your own, current value is '${String(value)}'`);
}

function isRuntime(value: unknown): value is WasmRuntime {
  return typeof value === "object" && value !== null && "name" in value && typeof value.name === "string" &&
    "compile" in value && typeof value.compile === "function" &&
    "instantiate" in value && typeof value.instantiate === "function";
}

function readNumber(value: unknown, least: number, most: number, unit: string): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw new TypeError(`Expected ${least} to ${most} ${unit}, current value is '${String(value)}'`);
}
