/** `mesh.serve`: `server_enmesh.ts PORT`. */
import { Mesh } from "../../../mod.ts";
import { joinOptions } from "../http/join_options.ts";

const mesh = await Mesh.join(joinOptions());
await mesh.serve(
  { port: Number(Deno.args[0]), hostname: "127.0.0.1", onListen: () => console.log("ready") },
  () => new Response("ok"),
);
