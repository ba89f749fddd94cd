/**
 * Modules by three toolchains, unchanged, through the Wasm filter of a real Envoy and through enmesh: C without a library,
 * AssemblyScript by its SDK, Rust by the crate `proxy-wasm`. Each is built here, the shipped ones must come out as they
 * are in the repository.
 */
import assert from "node:assert/strict";
import { buildFilter, modulePath, PROXY_WASM_FILTERS } from "../../tools/filters/proxy_wasm.ts";
import { describeDifference } from "./differential/compare.ts";
import { cacheFolder } from "./peers.ts";
import { compareRule } from "./wasm_conformance/compare_rule.ts";
import { runRules } from "./wasm_conformance/run_rules.ts";
import { sdkRules } from "./wasm_sdks/rules.ts";

Deno.test("shipped filters are what their sources say, byte for byte", async (t) => {
  for (const name of Object.keys(PROXY_WASM_FILTERS)) {
    await t.step(name, async () => {
      const built = await buildFilter(name, `${cacheFolder()}/assemblyscript`);
      assert.deepEqual(built, await Deno.readFile(modulePath(name)), "run 'deno task build:filters'");
    });
  }
});

Deno.test("modules of three toolchains do in enmesh what they do in Envoy", async (t) => {
  for (const result of await runRules(await sdkRules(`${cacheFolder()}/rust-filter/filter.wasm`))) {
    await t.step(result.case.name, () => {
      const { unexpected } = compareRule(result);
      assert.equal(unexpected.map(describeDifference).join("\n"), "");
      assert.notEqual(result.enmesh, null);
      result.case.requests.forEach((request, at) => {
        const { answer } = result.enmesh![at]![0]!;
        const wanted = EXPECTED[`${result.case.name} ${request.path ?? "/"}`];
        if (wanted !== undefined) assert.match(JSON.stringify(answer), wanted);
      });
    });
  }
});

/** What each must show, by rule and path: that both sides do nothing would be alike too. */
const EXPECTED: Readonly<Record<string, RegExp>> = {
  "C: request_id /given": /"x-trace","the-given"/,
  "C: mask /": /a\*\*\*\*@example\.com,\*{12}1111/,
  "AssemblyScript: mask /": /a\*\*\*\*@example\.com/,
  "AssemblyScript: header_tag /": /"x-wasm","assemblyscript"/,
  "Rust: headers, content and calls /deny": /"status":403.*"x-why","rust".*denied/,
  "Rust: headers, content and calls /ask": /"x-tag","tagged"/,
};
