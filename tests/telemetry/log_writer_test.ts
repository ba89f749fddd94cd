import assert from "node:assert/strict";
import type { Logger } from "../../lib/internal/logger.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { LogWriter } from "../../lib/telemetry/log_writer.ts";

/** A sink whose writes settle when told to. */
class SlowSink {
  readonly pending: { bytes: Uint8Array; resolve(): void; reject(error: Error): void }[] = [];

  write(_path: string, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => this.pending.push({ bytes, resolve, reject }));
  }
}

function setUp() {
  const sink = new SlowSink();
  const clock = new FakeClock();
  const warnings: string[] = [];
  const logger: Logger = { log: (_level, message) => warnings.push(message) };
  return { sink, clock, warnings, writer: new LogWriter("/dev/stdout", sink, clock, logger) };
}

Deno.test("lines go out together after a second", async () => {
  const { sink, clock, writer } = setUp();
  writer.append("a\n");
  writer.append("\xc3\xa9\n");
  await clock.advance(999);
  assert.equal(sink.pending.length, 0);
  await clock.advance(1);
  assert.deepEqual(sink.pending.map(({ bytes }) => new TextDecoder().decode(bytes)), ["a\né\n"]);
  sink.pending[0]!.resolve();
  await writer.flush();
});

Deno.test("64 KiB go out at once, and one write is under way at a time", async () => {
  const { sink, writer } = setUp();
  writer.append("x".repeat(64 * 1024));
  writer.append("later\n");
  assert.equal(sink.pending.length, 1);
  const flushed = writer.flush();
  sink.pending[0]!.resolve();
  await Promise.resolve();
  while (sink.pending.length < 2) await Promise.resolve();
  assert.equal(new TextDecoder().decode(sink.pending[1]!.bytes), "later\n");
  sink.pending[1]!.resolve();
  await flushed;
});

Deno.test("a sink that hangs costs lines, not memory", async () => {
  const { sink, warnings, writer } = setUp();
  const line = "x".repeat(1023) + "\n";
  for (let i = 0; i < 2000; i++) writer.append(line);
  assert.equal(sink.pending.length, 1);
  assert.equal(writer.dropped, 2000 - 64 - 1024);
  assert.deepEqual(warnings, ["Cannot write access log '/dev/stdout' fast enough: lines are being dropped"]);
  const flushed = writer.flush();
  sink.pending[0]!.resolve();
  while (sink.pending.length < 2) await Promise.resolve();
  sink.pending[1]!.resolve();
  await flushed;
});

Deno.test("a sink that fails is reported once and tried again", async () => {
  const { sink, warnings, writer } = setUp();
  for (const outcome of ["fail", "fail", "ok", "fail"]) {
    writer.append("line\n");
    const flushed = writer.flush();
    const { resolve, reject } = sink.pending.at(-1)!;
    if (outcome === "ok") resolve();
    else reject(new Error("Disk full"));
    await flushed;
  }
  assert.deepEqual(
    warnings,
    new Array(2).fill("Cannot write access log '/dev/stdout': Disk full; lines are lost meanwhile"),
  );
});
