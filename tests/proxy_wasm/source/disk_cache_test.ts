import assert from "node:assert/strict";
import { openCacheFolder } from "../../../lib/proxy_wasm/source/cache_folder.ts";
import { DiskCache } from "../../../lib/proxy_wasm/source/disk_cache.ts";
import { sha256 } from "../../../lib/proxy_wasm/source/sha256.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { LogBook } from "../../support/mesh_rig.ts";

const HOUR = 3_600_000;

async function withFolder(test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await test(`${path}/cache`);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

function cacheIn(path: string, clock = new FakeClock(), maxBytes = 100) {
  const logger = new LogBook();
  const folder = openCacheFolder(path);
  const cache = new DiskCache({ folder, clock, logger, maxBytes, expiryMs: 24 * HOUR, purgeIntervalMs: HOUR });
  return { cache, clock, logger };
}

function moduleOf(size: number, fill = 1): { bytes: Uint8Array; digest: string } {
  const bytes = new Uint8Array(size).fill(fill);
  return { bytes, digest: sha256(bytes) };
}

const files = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

Deno.test("Modules and references survive the process", () =>
  withFolder(async (path) => {
    const { bytes, digest } = moduleOf(10);
    const first = cacheIn(path).cache;
    assert.equal(await first.get(digest), null);
    await first.set(digest, bytes);
    await first.setReference("url oci://x", digest);
    const second = cacheIn(path).cache;
    assert.deepEqual(await second.get(digest), bytes);
    assert.equal(await second.reference("url oci://x"), digest);
    assert.equal(await second.reference("url oci://y"), null);
  }));

Deno.test("A damaged file is as good as none, and goes", () =>
  withFolder(async (path) => {
    const { bytes, digest } = moduleOf(10);
    const { cache, logger } = cacheIn(path);
    await cache.set(digest, bytes);
    await Deno.writeFile(`${path}/${digest}.wasm`, bytes.subarray(1));
    assert.equal(await cache.get(digest), null);
    assert.match(logger.find(/damaged/) ?? "", new RegExp(digest));
    assert.deepEqual(files(path), []);
  }));

Deno.test("Processes write the same module at once and leave one whole file", () =>
  withFolder(async (path) => {
    const { bytes, digest } = moduleOf(90);
    await Promise.all(Array.from({ length: 8 }, () => cacheIn(path).cache.set(digest, bytes)));
    assert.deepEqual(files(path), [`${digest}.wasm`]);
    assert.deepEqual(await cacheIn(path).cache.get(digest), bytes);
  }));

Deno.test("What was not used for long goes with its references, at the latest an hour later; what is used stays", () =>
  withFolder(async (path) => {
    const [a, b] = [moduleOf(10, 1), moduleOf(10, 2)];
    const clock = new FakeClock(Date.now());
    const { cache } = cacheIn(path, clock);
    await cache.set(a.digest, a.bytes);
    await cache.set(b.digest, b.bytes);
    await cache.setReference("a", a.digest);
    await Deno.writeFile(`${path}/x.1.partial`, a.bytes);
    await clock.advance(23 * HOUR);
    assert.notEqual(await cache.get(b.digest), null);
    await clock.advance(2 * HOUR);
    assert.notEqual(await cache.get(b.digest), null);
    assert.deepEqual(files(path), [`${b.digest}.wasm`]);
  }));

Deno.test("The least recently used go where there are too many bytes; what is larger than all is not kept", () =>
  withFolder(async (path) => {
    const clock = new FakeClock(Date.now());
    const { cache } = cacheIn(path, clock);
    const modules = [1, 2, 3].map((fill) => moduleOf(40, fill));
    for (const { bytes, digest } of modules) {
      await cache.set(digest, bytes);
      await clock.advance(1_000);
      await cache.get(modules[0]!.digest);
    }
    assert.deepEqual(files(path), [`${modules[0]!.digest}.wasm`, `${modules[2]!.digest}.wasm`].sort());
    const huge = moduleOf(101);
    await cache.set(huge.digest, huge.bytes);
    assert.equal(await cache.get(huge.digest), null);
  }));

Deno.test("A folder that cannot be used is none: that is said once", async () => {
  const { cache, logger } = cacheIn("/dev/null/cache");
  const { bytes, digest } = moduleOf(10);
  await cache.set(digest, bytes);
  assert.equal(await cache.get(digest), null);
  assert.equal(await cache.reference("x"), null);
  assert.equal(logger.lines.length, 1);
  assert.match(logger.lines[0]!.message, /Cannot \w+ the cache of Wasm modules: .*'wasmCache'/);
});
