/** Processes that end by themselves when they should, and only then. */
import assert from "node:assert/strict";
import { FakeIstiod } from "../../lib/testing/mod.ts";
import { credentials, start } from "../support/program.ts";
import { until } from "../support/until.ts";

const FLAGS = ["--allow-read", "--allow-net", "--allow-env=GRPC_*"];
const WAITING = "Trying again until it answers";

Deno.test("a program that joins, serves, fetches and closes ends by itself", async () => {
  await using istiod = await FakeIstiod.start();
  await using files = await credentials(istiod, "both");
  await using program = start("both.ts", FLAGS, [JSON.stringify(files.options)]);
  const { code, stdout, stderr } = await program.outcome();
  assert.deepEqual(stdout.trim().split("\n").map((line) => JSON.parse(line)), [
    { status: 200, body: "hello" },
    { open: 0 },
  ], stderr);
  assert.equal(code, 0);
});

Deno.test("a joined mesh keeps its process alive until it is closed", async () => {
  await using istiod = await FakeIstiod.start();
  await using files = await credentials(istiod, "joiner");
  await using program = start("joiner.ts", FLAGS, [JSON.stringify(files.options), "close"]);
  assert.equal(await program.line(), "joined");
  // As long as istiod sees its stream the program lives: a push after the join still arrives.
  istiod.apply("apiVersion: v1\nkind: Service\nmetadata: { name: late, namespace: default }\nspec: { ports: [] }\n");
  await istiod.settled();
  assert.equal(istiod.clients.length, 1);
  assert.equal(program.ended, false);
  await program.stop();
  const { code, stderr } = await program.outcome();
  assert.equal(code, 0, stderr);
  await until("istiod has seen the stream end", () => istiod.clients.length === 0);
});

Deno.test("a join that waits for istiod says so once, and its signal ends it", async () => {
  await using istiod = await FakeIstiod.start();
  await using files = await credentials(istiod, "joiner");
  await istiod.suspend();
  // Each connection ends alike, in the handshake: a new reason would rightly be told again.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: istiod.addr.port });
  let tries = 0;
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(65_536));
      connection.close();
      tries++;
    }
  })();
  await using program = start("joiner.ts", FLAGS, [JSON.stringify(files.options), "join"]);
  await until("the first failure is reported", () => program.errors.includes(WAITING));
  const first = tries;
  // Identity and configuration are asked for side by side: of five more tries two are of the latter.
  await until("it has tried on", () => tries >= first + 5);
  await program.stop();
  const { code, stdout, stderr } = await program.outcome();
  listener.close();
  await serving;
  assert.equal(stdout.trim(), "Told to stop");
  assert.equal(code, 0);
  const waiting = stderr.split("\n").filter((line) => line.includes(WAITING));
  assert.equal(waiting.length, 1, stderr);
});
