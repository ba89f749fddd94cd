import assert from "node:assert/strict";
import { JoinedWork } from "../../../lib/proxy_wasm/source/joined_work.ts";

function work() {
  const started: { signal: AbortSignal; done: PromiseWithResolvers<string> }[] = [];
  const begin = (signal: AbortSignal) => {
    const done = Promise.withResolvers<string>();
    signal.addEventListener("abort", () => done.reject(signal.reason));
    started.push({ signal, done });
    return done.promise;
  };
  return { started, begin };
}

const never = new AbortController().signal;

Deno.test("The same work is done once for all that ask meanwhile, and again afterwards", async () => {
  const joined = new JoinedWork<string>();
  const { started, begin } = work();
  const both = [joined.join("a", begin, never), joined.join("a", begin, never), joined.join("b", begin, never)];
  assert.equal(started.length, 2);
  started[0]!.done.resolve("1");
  started[1]!.done.reject(new Error("No"));
  assert.deepEqual(await Promise.allSettled(both).then((all) => all.map(({ status }) => status)), [
    "fulfilled",
    "fulfilled",
    "rejected",
  ]);
  const again = joined.join("a", begin, never);
  assert.equal(started.length, 3);
  started[2]!.done.resolve("2");
  assert.equal(await again, "2");
});

Deno.test("Who gives up leaves the work to the others; the last one ends it, and the next begins anew", async () => {
  const joined = new JoinedWork<string>();
  const { started, begin } = work();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = joined.join("a", begin, one.signal);
  const second = joined.join("a", begin, two.signal);
  one.abort(new Error("One"));
  await assert.rejects(first, /One/);
  assert.equal(started[0]!.signal.aborted, false);
  two.abort(new Error("Two"));
  await assert.rejects(second, /Two/);
  assert.equal(started[0]!.signal.aborted, true);
  const third = joined.join("a", begin, never);
  assert.equal(started.length, 2);
  started[1]!.done.resolve("x");
  assert.equal(await third, "x");
  await assert.rejects(joined.join("a", begin, AbortSignal.abort(new Error("Before"))), /Before/);
});
