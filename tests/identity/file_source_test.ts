import assert from "node:assert/strict";
import { FileSecrets } from "../../lib/identity/file_secrets.ts";
import { createFileSource } from "../../lib/identity/file_source.ts";
import { SecretManager } from "../../lib/identity/secret_manager.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import { TestCa } from "../support/test_ca.ts";

const ca = await TestCa.create();

Deno.test("mounted files are an identity, and a replaced file is taken at the next look", async () => {
  const clock = new FakeClock(Date.now());
  const [one, two] = [await ca.issue(), await ca.issue()];
  const files = new Map([["chain", one.chain], ["key", one.key], ["root", ca.pem]]);
  const source = createFileSource({
    chainPath: "chain",
    keyPath: "key",
    rootPath: "root",
    readTextFile: (path) => Promise.resolve(files.get(path)!),
  });
  const registry = new HandleRegistry();
  const manager = new SecretManager({
    source,
    spiffeId: null,
    clock,
    random: () => 0.5,
    registry,
    logger: silentLogger,
  });
  await manager.start();
  const first = manager.certificate("default")!;
  await clock.advance(31_000);
  assert.equal(manager.certificate("default"), first);
  files.set("chain", two.chain).set("key", two.key);
  await clock.advance(31_000);
  assert.notEqual(manager.certificate("default"), first);
  await manager.close();
  assert.equal(registry.total, 0);
});

Deno.test("a file that may not be read names the flag", async () => {
  const source = createFileSource({
    chainPath: "/certs/chain.pem",
    keyPath: "k",
    rootPath: "r",
    readTextFile: () => Promise.reject(new Deno.errors.NotCapable("no")),
  });
  await assert.rejects(source.fetch(AbortSignal.timeout(1000)), {
    code: "PERMISSION_MISSING",
    message: /--allow-read=\/certs\/chain\.pem/,
  });
});

Deno.test("secrets named by path are read when asked for, and again when they are old", async () => {
  const clock = new FakeClock(Date.now());
  const leaf = await ca.issue();
  const files = new Map([["/c", leaf.chain], ["/k", leaf.key], ["/r", ca.pem]]);
  let reads = 0;
  const secrets = new FileSecrets(clock, silentLogger, (path) => {
    reads++;
    const text = files.get(path);
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  });
  const certificate = secrets.certificate("file-cert:/c~/k")!;
  assert.equal(certificate.spiffeId, leaf.spiffeId);
  assert.equal(secrets.certificate("file-cert:/c~/k"), certificate);
  assert.equal(reads, 2);
  assert.equal(secrets.trustBundle("file-root:/r")!.roots.length, 1);
  files.delete("/c");
  await clock.advance(11_000);
  assert.equal(secrets.certificate("file-cert:/c~/k"), certificate);
  assert.equal(secrets.trustBundle("file-root:/missing"), null);
  assert.equal(secrets.certificate("default"), null);
  files.set("/r", "garbage");
  await clock.advance(11_000);
  assert.equal(secrets.trustBundle("file-root:/r")!.roots.length, 1);
});
