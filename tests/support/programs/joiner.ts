/** Joins and does nothing else; its standard input is its signal: `joiner.ts OPTIONS close|join`. */
import { Mesh } from "@enmesh/enmesh";

const [options, mode] = Deno.args;
const stop = new AbortController();
const reader = Deno.stdin.readable.getReader();
// With `join` the signal ends a join that waits, with `close` it ends a mesh that was joined.
void reader.read().then(() => stop.abort(new Error("Told to stop")));
try {
  const mesh = await Mesh.join({ ...JSON.parse(options!), ...(mode === "join" ? { signal: stop.signal } : {}) });
  console.log("joined");
  stop.signal.addEventListener("abort", () => void mesh.close({ drain: 0 }));
} catch (error) {
  console.log((error as Error).message);
}
