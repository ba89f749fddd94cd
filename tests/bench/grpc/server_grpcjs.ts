/**
 * A server on grpc-js: `server_grpcjs.ts PORT [tls]`, with certificate files in `ENMESH_BENCH_CERTS`. A process of its
 * own: the runtime's HTTP/2 server may end its process under load.
 */
import { readFileSync } from "node:fs";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ECHO, echoImplementation } from "./echo_service.ts";

const [port, tls] = Deno.args;
const files = JSON.parse(Deno.env.get("ENMESH_BENCH_CERTS")!) as { chain: string; key: string; root: string };
const server = new Server();
server.addService(ECHO, echoImplementation as never);
const credentials = tls === "tls"
  ? ServerCredentials.createSsl(
    readFileSync(files.root),
    [{ cert_chain: readFileSync(files.chain), private_key: readFileSync(files.key) }],
    true,
  )
  : ServerCredentials.createInsecure();
server.bindAsync(`127.0.0.1:${port}`, credentials, (error) => {
  if (error !== null) throw error;
  console.log("ready");
});
