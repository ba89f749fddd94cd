import assert from "node:assert/strict";
import { ComponentCache } from "../../lib/component/component_cache.ts";
import { ComponentInstance } from "../../lib/component/component_instance.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { watComponent } from "../support/wat_component.ts";

const memoryLimit = 1 << 24;
const options = {
  name: "x",
  configuration: new Uint8Array(0),
  timeLimitMs: null,
  clock: systemClock,
  logger: silentLogger,
};

Deno.test("components of the same bytes and limit are compiled once", async () => {
  const cache = new ComponentCache();
  const bytes = await watComponent();
  const request = { bytes, memoryLimit, folder: null };
  const [a, b] = await Promise.all([cache.get(request), cache.get({ ...request, bytes: bytes.slice() })]);
  assert.equal(a, b);
  assert.equal(await cache.get(request), a);
  assert.notEqual(await cache.get({ ...request, memoryLimit: memoryLimit * 2 }), a);
  await assert.rejects(cache.get({ ...request, bytes: new Uint8Array(3) }));
  await assert.rejects(cache.get({ ...request, bytes: new Uint8Array(3) }), "a failure is not kept");
});

Deno.test("a folder keeps components over restarts, several processes at once, and does without what is broken", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const bytes = await watComponent();
    const request = { bytes, memoryLimit, folder: `${folder}/deep/er` };
    await Promise.all([new ComponentCache().get(request), new ComponentCache().get(request)]);
    const entries = await Array.fromAsync(Deno.readDir(request.folder));
    assert.equal(entries.length, 1);
    const kept = `${request.folder}/${entries[0]!.name}`;
    assert.match(entries[0]!.name, /^[0-9a-f]{64}-jco-0\.12\.1/);
    // It is read indeed: with other glue, other things happen.
    const glue = await Deno.readTextFile(`${kept}/glue.js`);
    await Deno.writeTextFile(`${kept}/glue.js`, `throw new Error("Read from the folder");`);
    await assert.rejects(new ComponentCache().get(request), /Read from the folder/);
    await Deno.writeTextFile(`${kept}/glue.js`, glue);
    new ComponentInstance(await new ComponentCache().get(request), options);
    await Deno.writeTextFile(`${kept}/index.json`, "{");
    new ComponentInstance(await new ComponentCache().get(request), options);
    await new ComponentCache().get({ ...request, folder: "/dev/null/no/folder" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
