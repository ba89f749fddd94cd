import assert from "node:assert/strict";
import { denoLogSink } from "../../lib/telemetry/deno_log_sink.ts";

Deno.test("appends to files", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/access.log`;
  await denoLogSink.write(path, new TextEncoder().encode("a\n"));
  await denoLogSink.write(path, new TextEncoder().encode("b\n"));
  assert.equal(await Deno.readTextFile(path), "a\nb\n");
  await Deno.remove(folder, { recursive: true });
});
