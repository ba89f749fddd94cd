/** Joins, serves, says where, and leaves when its standard input ends: `server.ts OPTIONS [PORT]`. */
import { Mesh } from "@enmesh/enmesh";

const [options, port] = Deno.args;
const mesh = await Mesh.join(JSON.parse(options!));
const server = await mesh.serve(
  { port: Number(port ?? 0), hostname: "127.0.0.1", onListen: () => {} },
  () => new Response("hello"),
);
console.log(JSON.stringify({ port: server.addr.port, ports: mesh.ports }));
await Deno.stdin.readable.pipeTo(new WritableStream());
await mesh.close({ drain: 0 });
