/** Arguments, output and exit codes. */
import assert from "node:assert/strict";
import { runCli } from "../../lib/cli/run_cli.ts";
import settings from "../../deno.json" with { type: "json" };

async function run(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, {
    output: (line) => void out.push(line),
    error: (line) => void err.push(line),
    terminal: false,
    color: false,
    join: { env: {} },
  });
  return { code, out, err };
}

Deno.test("version: lines, or one object", async () => {
  const { code, out } = await run("version");
  assert.equal(code, 0);
  assert.match(out.join("\n"), new RegExp(`^enmesh {2}${settings.version}$`, "m"));
  assert.match(out.join("\n"), /^istio {3}\d+\.\d+\.\d+$/m);
  const { out: json } = await run("version", "--json");
  assert.equal(json.length, 1);
  assert.equal(JSON.parse(json[0]!).enmesh, settings.version);
  assert.equal(JSON.parse(json[0]!).deno, Deno.version.deno);
});

Deno.test("help names every command; without a command it is an error", async () => {
  const { code, out } = await run("--help");
  assert.equal(code, 0);
  for (const word of ["doctor", "version", "--json"]) assert.ok(out[0]!.includes(word));
  const bare = await run();
  assert.equal(bare.code, 1);
  assert.deepEqual(bare.out, []);
  assert.deepEqual(bare.err, out);
});

Deno.test("what is not known is named", async () => {
  for (
    const [args, word] of [[["fix"], "fix"], [["doctor", "--yaml"], "--yaml"], [["doctor", "now"], "now"]] as const
  ) {
    const { code, out, err } = await run(...args);
    assert.equal(code, 1);
    assert.deepEqual(out, []);
    assert.ok(err.join().includes(`'${word}'`), err.join());
  }
});

Deno.test("doctor without anything to join with: every check has its line, the exit code is 1", async () => {
  const { code, out } = await run("doctor", "--json");
  assert.equal(code, 1);
  const lines = out.map((line) => JSON.parse(line));
  assert.deepEqual(new Set(lines.map(({ status }) => status)), new Set(["ok", "failed", "skipped"]));
  for (const line of lines) {
    assert.deepEqual(Object.keys(line), ["name", "status", "message", "hint"]);
    if (line.status === "failed") assert.notEqual(line.hint, null);
  }
});
