import { Mesh } from "../../../mod.ts";
import { echo } from "./echo.ts";
import { joinOptions } from "./join_options.ts";

const mesh = await Mesh.join(joinOptions());
const server = await mesh.serve({
  port: Number(Deno.args[0]),
  hostname: "127.0.0.1",
  onListen: () => console.log("ready"),
}, echo);
await server.finished;
