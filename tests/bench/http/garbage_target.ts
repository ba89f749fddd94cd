import { Mesh } from "../../../mod.ts";
import { usedHeap } from "../../support/used_heap.ts";
import { joinOptions } from "./join_options.ts";

const mesh = await Mesh.join({ ...joinOptions(), logger: { log: () => {} } });
await mesh.serve(
  { port: Number(Deno.args[0]), hostname: "127.0.0.1", onListen: () => console.log("ready") },
  () => new Response("ok"),
);
// The heap is compared after full collections, which a program may ask for only when told so.
for await (const _ of Deno.stdin.readable) console.log(await usedHeap() / 1024 / 1024);
