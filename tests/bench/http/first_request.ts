import { Mesh } from "../../../mod.ts";
import { joinOptions } from "./join_options.ts";

const mesh = await Mesh.join(joinOptions());
const server = await mesh.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => new Response("ok"));
const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
await response.body?.cancel();
console.log(response.status);
await mesh.close();
