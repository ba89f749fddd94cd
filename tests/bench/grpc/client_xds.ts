/** A proxyless client on grpc-js-xds: `client_xds.ts TARGET`, with its bootstrap in `GRPC_XDS_BOOTSTRAP_CONFIG`. */
import { credentials } from "@grpc/grpc-js";
import { register } from "@grpc/grpc-js-xds";
import { obey } from "../http/load.ts";
import { type EchoClient, EchoClientConstructor } from "./echo_service.ts";
import { load } from "./load.ts";

register();
const client = new EchoClientConstructor(Deno.args[0]!, credentials.createInsecure()) as unknown as EchoClient;
await obey((order) => load(client, order));
client.close();
