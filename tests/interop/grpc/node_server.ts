/** Serves the interop service in Node with its own grpc-js, and prints the port. */
import { Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { interopServer } from "./interop_server.ts";
import { testService } from "./test_service.ts";

const server = new Server();
server.addService(testService, interopServer(() => new Metadata()));
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(`port ${port}`);
});
