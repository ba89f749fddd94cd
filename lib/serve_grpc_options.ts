import type { MeshServeOptions } from "./serve_handler.ts";

/** Options of `mesh.serveGrpc`: those of `mesh.serve`, and gRPC's own. */
export interface MeshServeGrpcOptions extends Omit<MeshServeOptions, "onError"> {
  /**
   * The largest message a client may send, bytes, packed or not; -1 for no limit. A larger one ends its call with
   * RESOURCE_EXHAUSTED.
   * @default {4194304}
   */
  maxReceiveMessageLength?: number;
  /**
   * The largest message a handler may send, bytes; -1 for no limit. A larger one ends its call with RESOURCE_EXHAUSTED.
   * @default {-1}
   */
  maxSendMessageLength?: number;
  /**
   * How messages are packed for clients that accept it. What clients send is unpacked in any case.
   * @default {"identity"}
   */
  compression?: "identity" | "gzip";
  /**
   * Whether the health service `grpc.health.v1` is served, with an entry for each service and one, of empty name, for
   * the server as a whole.
   * @default {true}
   */
  health?: boolean;
}
