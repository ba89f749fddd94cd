/** Results as people and programs see them. */
import assert from "node:assert/strict";
import { result } from "../../lib/cli/check.ts";
import { failures } from "../../lib/cli/failure.ts";
import { duration } from "../../lib/cli/duration.ts";
import { formatResult } from "../../lib/cli/report.ts";
import { MeshError } from "../../lib/errors.ts";

const FAILED = result("token", "failed", "The token expired", "Renew it");

Deno.test("a table is aligned; the next step stands below what it follows from", () => {
  const lines = [formatResult(result("own endpoint", "skipped", "why"), { kind: "table", color: false })]
    .concat(formatResult(FAILED, { kind: "table", color: false }).split("\n"));
  assert.deepEqual(lines, [
    "skipped  own endpoint      why",
    "failed   token             The token expired",
    "                           next: Renew it",
  ]);
});

Deno.test("colours are around the status only, and do not move the columns", () => {
  const colored = formatResult(FAILED, { kind: "table", color: true });
  assert.ok(colored.startsWith("\x1b[31mfailed \x1b[0m  token"));
  // deno-lint-ignore no-control-regex -- the codes are what is taken away
  assert.equal(colored.replace(/\x1b\[\d+m/g, ""), formatResult(FAILED, { kind: "table", color: false }));
});

Deno.test("a plain line holds everything; --json is an object a line", () => {
  assert.equal(formatResult(FAILED, { kind: "plain" }), "failed: token: The token expired (next: Renew it)");
  assert.deepEqual(JSON.parse(formatResult(FAILED, { kind: "json" })), { ...FAILED });
  assert.equal(JSON.parse(formatResult(result("clock", "ok", "good"), { kind: "json" })).hint, null);
});

Deno.test("what came from a peer cannot write to the terminal or begin a line", () => {
  const hostile = result("istiod", "failed", "bad\x1b[2J\nok: token: fine", null);
  assert.equal(formatResult(hostile, { kind: "plain" }), "failed: istiod: bad [2J ok: token: fine");
  assert.ok(!formatResult(hostile, { kind: "json" }).includes("\n"));
});

Deno.test("an error is a line for each problem it lists", () => {
  const error = new MeshError("CONFIG_INVALID", "Cannot join", {
    problems: [{ subject: "a", message: "b", hint: "c" }, { subject: "d", message: "e" }],
  });
  assert.deepEqual(failures("settings", error), [
    result("settings", "failed", "a: b", "c"),
    result("settings", "failed", "d: e"),
  ]);
  assert.deepEqual(failures("istiod", new Error("Gone")), [result("istiod", "failed", "Gone")]);
});

Deno.test("durations in the largest unit of which there are two", () => {
  const cases: [number, string][] = [[-5, "0 s"], [1999, "1 s"], [90_000, "90 s"], [120_000, "2 min"], [
    86_400_000,
    "24 h",
  ], [
    2 * 86_400_000,
    "2 d",
  ]];
  for (const [ms, text] of cases) assert.equal(duration(ms), text);
});
