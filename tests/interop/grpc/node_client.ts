/** Runs one case in Node with its own grpc-js: `node node_client.mjs <port> <case>`. */
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { interopClient } from "./interop_client.ts";
import type { InteropCase } from "./interop_client.ts";

const [port, name] = process.argv.slice(2);
const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
await interopClient({ client, newMetadata: () => new Metadata() })[name as InteropCase]();
client.close();
