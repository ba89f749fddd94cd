import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { OutageLog } from "../../lib/xds/outage_log.ts";

Deno.test("an outage is told by its beginning, each new reason, a reminder every 30 s and its end", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = new OutageLog(
    { log: (level, message, fields) => void lines.push(`${level} ${message.split("\n")[0]} ${fields?.tries}`) },
    clock,
    "istiod:15012",
  );
  const refused = { error: new MeshError("CONTROL_PLANE_UNAVAILABLE", "Refused"), permanent: false };
  const rejected = { error: new MeshError("IDENTITY_REJECTED", "Rejected"), permanent: true };
  log.over();
  log.failed(refused);
  await clock.advance(10_000);
  log.failed(refused);
  await clock.advance(20_000);
  log.failed(refused);
  log.failed(rejected);
  log.over();
  log.over();
  log.failed(refused);
  assert.deepEqual(lines, [
    "warning Refused 1",
    "warning Refused 3",
    "error Rejected 4",
    "info Connected to istiod at 'istiod:15012' 4",
    "warning Refused 1",
  ]);
});
