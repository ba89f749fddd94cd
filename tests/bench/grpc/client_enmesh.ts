/** A client in the mesh: `client_enmesh.ts TARGET`. */
import { credentials } from "@grpc/grpc-js";
import { Mesh } from "../../../mod.ts";
import { joinOptions } from "../http/join_options.ts";
import { obey } from "../http/load.ts";
import { type EchoClient, EchoClientConstructor } from "./echo_service.ts";
import { load } from "./load.ts";

const mesh = await Mesh.join(joinOptions());
const target = Deno.args[0]!;
const client = new EchoClientConstructor(target, credentials.createInsecure(), {
  channelOverride: mesh.grpcChannel(target),
}) as unknown as EchoClient;
await obey((order) => load(client, order));
client.close();
await mesh.close();
