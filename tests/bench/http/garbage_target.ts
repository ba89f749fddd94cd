import v8 from "node:v8";
import { Mesh } from "../../../mod.ts";
import { joinOptions } from "./join_options.ts";

// The heap is compared after full collections, which a program may ask for only when told so.
v8.setFlagsFromString("--expose-gc");
const gc = (globalThis as { gc?: () => void }).gc ?? (() => {});

const mesh = await Mesh.join({ ...joinOptions(), logger: { log: () => {} } });
await mesh.serve(
  { port: Number(Deno.args[0]), hostname: "127.0.0.1", onListen: () => console.log("ready") },
  () => new Response("ok"),
);
for await (const _ of Deno.stdin.readable) {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    gc();
  }
  console.log(Deno.memoryUsage().heapUsed / 1024 / 1024);
}
