import { frameMessage } from "../../grpc/framing.ts";
import { GrpcStatus } from "../../grpc/status.ts";
import { BytesBody, QueueBody } from "../../http/body.ts";
import type { HttpRequest } from "../../http/message.ts";
import { BufferType, MapType } from "../abi.ts";
import type { ClusterCalls } from "../cluster_calls.ts";
import { FixedBuffer } from "../guest_buffer.ts";
import type { HeaderMap } from "../header_map.ts";
import { RESPONSE_PSEUDO_HEADERS, ResponseHeaders } from "../http/response_headers.ts";
import { TrailerMap } from "../http/trailer_map.ts";
import type { Delivered, RootContext } from "../root_context.ts";
import { type CallStatus, deliver, NO_STATUS } from "./deliver.ts";
import { grpcRequest, type GrpcRequestOptions } from "./grpc_request.ts";
import { type GrpcResponseEvents, readGrpcResponse } from "./grpc_response.ts";
import type { OpenCall, OpenCalls } from "./open_calls.ts";

/** What a gRPC call is made of. */
export interface GrpcCallOptions extends GrpcRequestOptions {
  readonly calls: OpenCalls<GrpcCall>;
  readonly id: number;
  readonly root: RootContext;
  readonly clusters: ClusterCalls;
}

/**
 * A gRPC call of a module: unary, with one message given at once, or a stream. Of a unary call that succeeds the module
 * hears its message and nothing else; of one that fails, the status. Of a stream it hears everything.
 */
export class GrpcCall implements OpenCall {
  readonly root: RootContext;
  readonly #options: GrpcCallOptions;
  readonly #controller = new AbortController();
  /** What is still to be sent; `null` for a unary call. */
  readonly #outgoing: QueueBody | null;
  /** The message of a unary call so far. */
  #single: Uint8Array | null = null;
  /** Which ends of a stream are over. */
  #localClosed = false;
  #remoteClosed = false;
  /** Bytes counted as waiting to be sent. */
  #waiting = 0;

  private constructor(options: GrpcCallOptions, outgoing: QueueBody | null) {
    this.root = options.root;
    this.#options = options;
    this.#outgoing = outgoing;
  }

  /** Begins a unary call once the callback under way is over; `null` where it cannot be sent. @param message Its message; kept, not copied. */
  static unary(options: GrpcCallOptions, message: Uint8Array): GrpcCall | null {
    const framed = frameMessage(message);
    const request = grpcRequest(options, new BytesBody(framed));
    if (request === null) return null;
    const call = new GrpcCall(options, null);
    call.#count(framed.length);
    call.#begin(request);
    return call;
  }

  /** Begins a stream once the callback under way is over; `null` where it cannot be sent. */
  static stream(options: GrpcCallOptions): GrpcCall | null {
    const outgoing: QueueBody = new QueueBody(null, {
      consumed: (bytes) => call.#count(-bytes),
      cancelled: () => {},
    });
    const request = grpcRequest(options, outgoing);
    const call: GrpcCall = new GrpcCall(options, outgoing);
    if (request === null) return null;
    call.#begin(request);
    return call;
  }

  /** Sends one more message of a stream. What comes after the end of either side is dropped, as in Envoy. */
  send(message: Uint8Array, endOfStream: boolean): void {
    if (this.#remoteClosed || this.#localClosed) return;
    const outgoing = this.#outgoing!;
    const framed = frameMessage(message);
    this.#count(framed.length);
    outgoing.push(framed);
    if (endOfStream) outgoing.end();
  }

  /** Ends our side of a stream; it is forgotten once both sides are over. Of a unary call it is the end. */
  close(): void {
    const outgoing = this.#outgoing;
    if (outgoing === null || this.#remoteClosed) {
      this.#forget();
      return this.cancel();
    }
    this.#localClosed = true;
    outgoing.end();
  }

  cancel(): void {
    this.#controller.abort();
    this.#release();
  }

  #begin(request: HttpRequest): void {
    const { clusters, target, timeoutMs, root } = this.#options;
    const { signal } = this.#controller;
    const events = this.#outgoing === null ? this.#unaryEvents() : this.#events();
    // Not from within the module: it may be short of stack or time, and connections are not its own.
    root.vm.defer(() => {
      if (root.vm.failure !== null) return;
      const sent = clusters.send(target.cluster, request, { timeoutMs, signal });
      void readGrpcResponse(sent, target.maxMessageBytes, events);
    });
  }

  /** Everything that happens to a stream. */
  #events(): GrpcResponseEvents {
    const { root, id } = this.#options;
    return {
      initialMetadata: (response) => {
        const begun = response.status !== 0;
        const map = begun ? new ResponseHeaders(response) : new TrailerMap(response.headers, false);
        if (map instanceof ResponseHeaders) map.writable = false;
        const count = begun ? response.headers.size + RESPONSE_PSEUDO_HEADERS : 0;
        const metadata = new Received(MapType.GRPC_CALL_INITIAL_METADATA, map, null);
        this.#tell(() => deliver(root, root.vm.exports.onGrpcReceiveInitialMetadata, metadata, NO_STATUS, id, count));
      },
      message: (bytes) => this.#tell(() => this.#receive(bytes)),
      trailingMetadata: (fields) => {
        const metadata = new Received(MapType.GRPC_CALL_TRAILING_METADATA, new TrailerMap(fields, false), null);
        this.#tell(() =>
          deliver(root, root.vm.exports.onGrpcReceiveTrailingMetadata, metadata, NO_STATUS, id, fields.size)
        );
      },
      close: (status) => {
        this.#tell(() => {
          this.#remoteClosed = true;
          // A side of ours that is still open has nobody to talk to.
          this.cancel();
          if (this.#localClosed) this.#forget();
          else this.#options.calls.finish(id);
          this.#closed(status);
        });
      },
    };
  }

  /** What of it a unary call is told. */
  #unaryEvents(): GrpcResponseEvents {
    return {
      initialMetadata: () => {},
      message: (bytes) => void (this.#single = bytes),
      trailingMetadata: () => {},
      close: (status) => {
        this.#tell(() => {
          this.#forget();
          this.cancel();
          if (status.code !== GrpcStatus.OK) this.#closed(status);
          else if (this.#single !== null) this.#receive(this.#single);
          else this.#closed({ code: GrpcStatus.INTERNAL, message: "" });
        });
      },
    };
  }

  #receive(bytes: Uint8Array): void {
    const { root, id } = this.#options;
    const message = new Received(null, null, new FixedBuffer(bytes));
    deliver(root, root.vm.exports.onGrpcReceive, message, NO_STATUS, id, bytes.length);
  }

  #closed(status: CallStatus): void {
    const { root, id } = this.#options;
    deliver(root, root.vm.exports.onGrpcClose, null, status, id, status.code);
  }

  /** Does something once the module runs no callback, unless it has given the call up by then. */
  #tell(task: () => void): void {
    const { calls, id, root } = this.#options;
    root.vm.defer(() => {
      if (calls.find(id) === this) task();
    });
  }

  #forget(): void {
    this.#options.calls.remove(this.#options.id);
  }

  #count(bytes: number): void {
    this.#waiting += bytes;
    this.#options.calls.bytes += bytes;
  }

  #release(): void {
    this.#count(-this.#waiting);
  }
}

/** What a module reads of metadata or of a message. */
class Received implements Delivered {
  readonly #type: number | null;
  readonly #map: HeaderMap | null;
  readonly #message: FixedBuffer | null;

  constructor(type: number | null, map: HeaderMap | null, message: FixedBuffer | null) {
    this.#type = type;
    this.#map = map;
    this.#message = message;
  }

  headerMap(type: number): HeaderMap | null {
    return type === this.#type ? this.#map : null;
  }

  buffer(type: number): FixedBuffer | null {
    return type === BufferType.GRPC_CALL_MESSAGE ? this.#message : null;
  }
}
