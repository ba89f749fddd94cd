import { EventEmitter } from "node:events";
import type { Metadata } from "@grpc/grpc-js";
import {
  authContext,
  GRPC_CALL,
  METRICS_RECORDER,
  peerAddress,
  peerOf,
  sendMetadata,
  type SurfaceContext,
} from "./call_surface.ts";
import { metadataFromHeaders } from "./metadata_headers.ts";
import type { GrpcServerCall } from "./server_call.ts";

/** What a handler of one request and one response is called with: grpc-js's `ServerUnaryCall`. */
export class UnaryCall extends EventEmitter {
  readonly [GRPC_CALL]: GrpcServerCall;
  readonly request: unknown;
  readonly #context: SurfaceContext;
  #metadata: Metadata | null = null;

  /**
   * @param call The call.
   * @param context What calls share.
   * @param request The request, deserialized.
   */
  constructor(call: GrpcServerCall, context: SurfaceContext, request: unknown) {
    super();
    this[GRPC_CALL] = call;
    this.#context = context;
    this.request = request;
    call.onCancel(() => this.emit("cancelled", "cancelled"));
  }

  /** Made when somebody looks: it costs as much as the rest of the call. */
  get metadata(): Metadata {
    return this.#metadata ??= metadataFromHeaders(this.#context.newMetadata(), this[GRPC_CALL].metadata);
  }

  get cancelled(): boolean {
    return this[GRPC_CALL].cancelled;
  }

  get signal(): AbortSignal {
    return this[GRPC_CALL].signal;
  }

  get peer(): object | null {
    return peerOf(this[GRPC_CALL], this.#context);
  }

  sendMetadata(metadata: unknown): void {
    sendMetadata(this[GRPC_CALL], metadata);
  }

  getPeer(): string {
    return peerAddress(this[GRPC_CALL]);
  }

  getDeadline(): number {
    return this[GRPC_CALL].deadline ?? Infinity;
  }

  getPath(): string {
    return this[GRPC_CALL].path;
  }

  getHost(): string {
    return this[GRPC_CALL].request.authority;
  }

  getAuthContext(): object {
    return authContext(this[GRPC_CALL]);
  }

  getMetricsRecorder(): object {
    return METRICS_RECORDER;
  }
}
