/** A server in the mesh: `server_enmesh.ts PORT`. */
import { Mesh } from "../../../mod.ts";
import { joinOptions } from "../http/join_options.ts";
import { ECHO, echoImplementation } from "./echo_service.ts";

const mesh = await Mesh.join(joinOptions());
await mesh.serveGrpc(
  { port: Number(Deno.args[0]), hostname: "127.0.0.1", onListen: () => console.log("ready") },
  (server) => server.addService(ECHO, echoImplementation as never),
);
