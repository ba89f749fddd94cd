import assert from "node:assert/strict";
import fc from "fast-check";
import { FetchFailure } from "../../../lib/proxy_wasm/source/fetch_failure.ts";
import { readTar } from "../../../lib/proxy_wasm/source/tar.ts";
import { isWasm, moduleInDownload, moduleInLayer } from "../../../lib/proxy_wasm/source/unpack_module.ts";
import { gzip, header, joined, padded, tar } from "../../support/tar.ts";

const MODULE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const LIMIT = 1 << 20;
const names = (archive: Uint8Array) => [...readTar(archive)].map(({ name, content }) => `${name} ${content.length}`);
const text = (value: string) => new TextEncoder().encode(value);

Deno.test("The module of a layer is the file plugin.wasm, in whatever folder", async () => {
  const layer = await gzip(tar({ "etc/x": new Uint8Array(600), "./lib/plugin.wasm": MODULE }));
  assert.deepEqual(await moduleInLayer(layer, LIMIT), MODULE);
  await assert.rejects(
    moduleInLayer(await gzip(tar({ "plugin.wasm.txt": MODULE })), LIMIT),
    /holds no file 'plugin.wasm'/,
  );
  await assert.rejects(moduleInLayer(MODULE, LIMIT), /is not valid gzip/);
});

Deno.test("A small archive cannot take more memory than allowed", async () => {
  const bomb = await gzip(new Uint8Array(4 * LIMIT));
  assert.ok(bomb.length < 10_000);
  await assert.rejects(moduleInLayer(bomb, LIMIT), /larger than '1048576' bytes when unpacked/);
});

Deno.test("A download is the module, compressed, in an archive, or both", async () => {
  const archive = tar({ "whatever.wasm": MODULE, other: new Uint8Array(1) });
  for (const content of [MODULE, await gzip(MODULE), archive, await gzip(archive)]) {
    assert.deepEqual(await moduleInDownload(content, LIMIT), MODULE);
  }
  const page = text("<html>");
  assert.equal(await moduleInDownload(page, LIMIT), page, "what it is, is for the caller to say");
});

Deno.test("Archives: long names of GNU and pax, folders and links are passed over", () => {
  const long = `${"a/".repeat(80)}plugin.wasm`;
  const pax = text(`${13 + long.length} path=${long}\n`);
  const archive = joined([
    header("folder/", 0, "5"),
    header("././@LongLink", long.length + 1, "L"),
    padded(text(`${long}\0`)),
    header("short", 3, "0"),
    padded(new Uint8Array(3)),
    header("pax", pax.length, "x"),
    padded(pax),
    header("short", 4, "0"),
    padded(new Uint8Array(4)),
    header("after", 0, "0"),
    new Uint8Array(1024),
  ]);
  assert.deepEqual(names(archive), [`${long} 3`, `${long} 4`, "after 0"]);
});

Deno.test("An archive that is cut short is refused", () => {
  const archive = tar({ a: new Uint8Array(2000) });
  assert.throws(() => names(archive.subarray(0, 1024)), /cut short/);
});

Deno.test("Any bytes are unpacked or refused", async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 2048 }), async (bytes) => {
    try {
      names(bytes);
    } catch (error) {
      assert.ok(error instanceof FetchFailure, String(error));
    }
    const unpacked = await moduleInDownload(bytes, LIMIT).catch((error) => {
      assert.ok(error instanceof FetchFailure, String(error));
      return null;
    });
    assert.ok(unpacked === null || isWasm(unpacked) || unpacked.length >= 0);
  }));
});
