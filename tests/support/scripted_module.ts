import type {
  GuestFunction,
  ImportTable,
  WasmInstance,
  WasmModule,
  WasmRuntime,
} from "../../lib/proxy_wasm/runtime/runtime.ts";

/** What a callback does before it answers. */
export type ScriptedDeed = "nothing" | "reply" | "close" | "continue request" | "continue response" | "trap";

/** A callback of a scripted module. */
export interface ScriptedStep {
  readonly deed: ScriptedDeed;
  readonly action: number;
}

const CALLBACKS = [
  "proxy_on_request_headers",
  "proxy_on_request_body",
  "proxy_on_request_trailers",
  "proxy_on_response_headers",
  "proxy_on_response_body",
  "proxy_on_response_trailers",
] as const;
const IMPORTS = ["proxy_send_local_response", "proxy_close_stream", "proxy_continue_stream"] as const;

/**
 * A runtime whose one module is a script: its callbacks take one step after the other and note that they were called,
 * whatever bytes are compiled. Once the script has run out they continue.
 */
export class ScriptedRuntime implements WasmRuntime {
  readonly name = "scripted";
  /** Callbacks in the order in which they came: `name id`, and for content its size and end. */
  readonly calls: string[] = [];
  steps: ScriptedStep[] = [];

  compile(): Promise<WasmModule> {
    return Promise.resolve({
      imports: IMPORTS.map((name) => ({ module: "env", name, kind: "function" as const })),
      functions: new Set(["proxy_abi_version_0_2_1"]),
    });
  }

  instantiate(_module: WasmModule, imports: ImportTable): WasmInstance {
    const env = imports.env as unknown as Record<typeof IMPORTS[number], (...args: number[]) => number>;
    const functions = new Map<string, GuestFunction>();
    for (const name of ["proxy_on_context_create", "proxy_on_log", "proxy_on_delete"]) {
      functions.set(name, (id) => {
        this.calls.push(`${name.slice("proxy_on_".length)} ${id}`);
        return undefined;
      });
    }
    functions.set("proxy_on_done", (id) => {
      this.calls.push(`done ${id}`);
      return 1;
    });
    for (const name of CALLBACKS) {
      functions.set(name, (id, a, b) => {
        this.calls.push(`${name.slice("proxy_on_".length)} ${id} ${a} ${b}`);
        const step = this.steps.shift();
        if (step === undefined) return 0;
        switch (step.deed) {
          case "reply":
            env.proxy_send_local_response(403, 0, 0, 0, 0, 0, 0, -1);
            break;
          case "close":
            env.proxy_close_stream(0);
            break;
          case "continue request":
            env.proxy_continue_stream(0);
            break;
          case "continue response":
            env.proxy_continue_stream(1);
            break;
          case "trap":
            throw new WebAssembly.RuntimeError("unreachable");
        }
        return step.action;
      });
    }
    return {
      memory: { buffer: new ArrayBuffer(65536) },
      guard: null,
      function: (name) => functions.get(name) ?? null,
    };
  }
}
