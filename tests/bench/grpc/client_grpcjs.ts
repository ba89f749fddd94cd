/** A client on grpc-js: `client_grpcjs.ts TARGET [tls]`, with certificate files in `ENMESH_BENCH_CERTS`. */
import { readFileSync } from "node:fs";
import { credentials } from "@grpc/grpc-js";
import { obey } from "../http/load.ts";
import { type EchoClient, EchoClientConstructor } from "./echo_service.ts";
import { load } from "./load.ts";

const [target, tls] = Deno.args;
const files = JSON.parse(Deno.env.get("ENMESH_BENCH_CERTS")!) as { chain: string; key: string; root: string };
const secure = () =>
  credentials.createSsl(readFileSync(files.root), readFileSync(files.key), readFileSync(files.chain), {
    checkServerIdentity: () => undefined,
  });
const client = new EchoClientConstructor(
  target!,
  tls === "tls" ? secure() : credentials.createInsecure(),
  // An IP address is no server name, and the certificate names a SPIFFE id only.
  { "grpc.ssl_target_name_override": "echo", "grpc.default_authority": "echo" },
) as unknown as EchoClient;
await obey((order) => load(client, order));
client.close();
