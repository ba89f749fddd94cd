import assert from "node:assert/strict";
import type { WasmOptions } from "../../lib/bootstrap/join_options.ts";
import { recordEnvironment } from "../../lib/bootstrap/environment.ts";
import { Settings } from "../../lib/bootstrap/settings.ts";
import { readWasmSettings } from "../../lib/bootstrap/wasm_settings.ts";
import { v8Runtime } from "../../lib/proxy_wasm/runtime/v8.ts";

const CASES: readonly [string, WasmOptions, Record<string, string>, object | RegExp][] = [
  ["nothing", {}, {}, { runtime: "v8" }],
  ["the variable", {}, { ENMESH_WASM_RUNTIME: "guarded" }, { runtime: "guarded" }],
  ["the option over the variable", { runtime: "v8" }, { ENMESH_WASM_RUNTIME: "guarded" }, { runtime: "v8" }],
  ["one's own", { runtime: v8Runtime }, {}, { runtime: v8Runtime }],
  [
    "limits",
    { runtime: "guarded", budgetMs: 20, maxMemoryBytes: 65_536 },
    {},
    { runtime: "guarded", budgetMs: 20, maxMemoryBytes: 65_536 },
  ],
  ["an unknown name", {}, { ENMESH_WASM_RUNTIME: "wamr" }, /Expected|expected 'v8', 'guarded' or/],
  ["something that is no runtime", { runtime: {} as "v8" }, {}, /expected 'v8', 'guarded' or/],
  ["no time", { budgetMs: 0 }, {}, /expected 1 to 60000 milliseconds, current value is '0'/],
  ["less than a page", { maxMemoryBytes: 65_535 }, {}, /expected 65536 to 4294967296 bytes/],
];
for (const [name, options, variables, expected] of CASES) {
  Deno.test(`Wasm settings: ${name}`, () => {
    const settings = new Settings();
    const read = readWasmSettings(options, recordEnvironment(variables), settings);
    if (expected instanceof RegExp) assert.match(settings.problems[0]!.message, expected);
    else {
      assert.deepEqual(settings.problems, []);
      assert.deepEqual(read, expected);
    }
  });
}
