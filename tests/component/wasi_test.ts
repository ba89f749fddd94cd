import assert from "node:assert/strict";
import { WASI_INTERFACES, wasiImports } from "../../lib/component/wasi.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

/** Functions of an interface, of no particular type. */
type Functions = Record<string, (...given: unknown[]) => unknown>;

function rig() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const wasi = wasiImports({ clock, log: (level, line) => void lines.push(`${level}: ${line}`) });
  return { clock, lines, of: (name: string) => wasi[name] as unknown as Functions, wasi };
}

Deno.test("what is said to be there is there, without files, arguments and environment", () => {
  const { wasi, of } = rig();
  assert.deepEqual(new Set(Object.keys(wasi)), WASI_INTERFACES);
  assert.deepEqual(of("wasi:cli/environment").getEnvironment!(), []);
  assert.deepEqual(of("wasi:cli/environment").getArguments!(), []);
  assert.equal(of("wasi:cli/environment").initialCwd!(), undefined);
  assert.deepEqual(of("wasi:filesystem/preopens").getDirectories!(), []);
  assert.throws(() => of("wasi:cli/exit").exit!(), /exit/);
});

Deno.test("output becomes lines, however it is cut", () => {
  const { lines, of } = rig();
  const write = (name: string, text: string) => {
    const stream = of(`wasi:cli/${name}`)[name === "stdout" ? "getStdout" : "getStderr"]!() as unknown as Functions;
    stream.write!(new TextEncoder().encode(text));
  };
  write("stdout", "one\ntw");
  write("stderr", "bad\n");
  write("stdout", "o\n\n");
  write("stdout", "x".repeat(5000));
  assert.deepEqual(lines.slice(0, 4), ["info: one", "error: bad", "info: two", "info: "]);
  assert.equal(lines[4], `info: ${"x".repeat(5000)}`, "a line without an end is not kept for ever");
});

Deno.test("clocks are the mesh's, and nothing is waited for", async () => {
  const { clock, of } = rig();
  const monotonic = () => of("wasi:clocks/monotonic-clock").now!() as bigint;
  const before = monotonic();
  await clock.advance(1500);
  assert.equal(monotonic() - before, 1_500_000_000n);
  const { seconds, nanoseconds } = of("wasi:clocks/wall-clock").now!() as { seconds: bigint; nanoseconds: number };
  assert.equal(Number(seconds) * 1000 + nanoseconds / 1e6, clock.now());
  const sleep = of("wasi:clocks/monotonic-clock").subscribeDuration!(10_000_000_000n);
  assert.deepEqual([...of("wasi:io/poll").poll!([sleep, sleep]) as Uint32Array], [0, 1]);
});

Deno.test("random numbers are, within reason", () => {
  const { of } = rig();
  const bytes = of("wasi:random/random").getRandomBytes!(32n) as Uint8Array;
  assert.equal(bytes.length, 32);
  assert.ok(bytes.some((byte) => byte !== 0));
  assert.throws(() => of("wasi:random/random").getRandomBytes!(1n << 40n), RangeError);
});
