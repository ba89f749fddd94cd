/** Joins, serves, calls itself, leaves: `both.ts OPTIONS`. Nothing of it may keep the process alive. */
import { Mesh } from "@enmesh/enmesh";

const mesh = await Mesh.join(JSON.parse(Deno.args[0]!));
const server = await mesh.serve(
  { port: 0, hostname: "127.0.0.1", onListen: () => {} },
  (request) => new Response(request.body),
);
const response = await mesh.fetch(`http://127.0.0.1:${server.addr.port}/`, { method: "POST", body: "hello" });
console.log(JSON.stringify({ status: response.status, body: await response.text() }));
await mesh.close();
console.log(JSON.stringify({ open: mesh.openHandles }));
