/**
 * Handlers written for grpc-js, as methods of our server. Each knows one of the four kinds.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { SurfaceContext } from "./call_surface.ts";
import { handlerOutcome } from "./handler_outcome.ts";
import { headersOfMetadata } from "./metadata_headers.ts";
import type { GrpcMethodHandler } from "./server.ts";
import type { GrpcServerCall } from "./server_call.ts";
import type { GrpcMethodDefinition } from "./service_definition.ts";
import { GrpcStatus } from "./status.ts";
import { StreamCall } from "./stream_call.ts";
import { UnaryCall } from "./unary_call.ts";

/** A handler, bound to its implementation. */
export type BoundHandler = (call: object, callback?: HandlerCallback) => unknown;
type HandlerCallback = (error: unknown, value?: unknown, trailer?: unknown, flags?: number) => void;

/** What a caller is told where a handler threw: grpc-js's words. */
const UNKNOWN_ERROR = "Unknown error";
/** grpc-js's `WriteFlags.NoCompress`. */
const NO_COMPRESS = 2;

/** The method a handler serves; a missing one answers UNIMPLEMENTED. */
export function serviceHandler(
  method: GrpcMethodDefinition,
  handler: BoundHandler | null,
  context: SurfaceContext,
): GrpcMethodHandler {
  if (handler === null) {
    const details = `The server does not implement the method ${method.path}`;
    return (call) => call.finish({ status: GrpcStatus.UNIMPLEMENTED, details, metadata: null });
  }
  if (!method.requestStream && !method.responseStream) return unaryHandler(method, handler, context);
  return (call) => {
    if (method.requestStream) return serveStream(new StreamCall(call, context, method), call, method, handler);
    call.receiveOne((message) => {
      const request = deserialize(method, call, message);
      if (!call.over) serveStream(new StreamCall(call, context, method, request), call, method, handler);
    });
  };
}

function unaryHandler(
  method: GrpcMethodDefinition,
  handler: BoundHandler,
  context: SurfaceContext,
): GrpcMethodHandler {
  const serve = (message: Uint8Array, call: GrpcServerCall): void => {
    const request = deserialize(method, call, message);
    if (call.over) return;
    run(handler, new UnaryCall(call, context, request), call, (error, value, trailer, flags) => {
      respond(method, call, error, value, trailer, flags);
    });
  };
  return (call) => call.receiveOne((message) => serve(message, call));
}

function serveStream(
  stream: StreamCall,
  call: GrpcServerCall,
  method: GrpcMethodDefinition,
  handler: BoundHandler,
): void {
  if (method.responseStream) return run(handler, stream, call);
  run(handler, stream, call, (error, value, trailer, flags) => {
    respond(method, call, error, value, trailer, flags);
    stream.destroy();
  });
}

/** Calls a handler: what it throws, or rejects with where it is asynchronous, ends the call and is logged. */
function run(handler: BoundHandler, surface: object, call: GrpcServerCall, callback?: HandlerCallback): void {
  const fail = (error: unknown): void => {
    call.fail(error instanceof Error ? error : new Error(String(error)), UNKNOWN_ERROR);
    if (surface instanceof StreamCall) surface.destroy();
  };
  try {
    const result = handler(surface, callback);
    if (isThenable(result)) result.then(undefined, fail);
  } catch (error) {
    fail(error);
  }
}

/** Ends a call that has one response. */
function respond(
  method: GrpcMethodDefinition,
  call: GrpcServerCall,
  error: unknown,
  value: unknown,
  trailer: unknown,
  flags: number | undefined,
): void {
  if (call.over) return;
  if (error) return call.finish(handlerOutcome(error, trailer));
  let bytes: Uint8Array;
  try {
    bytes = method.responseSerialize(value);
  } catch {
    return call.finish({ status: GrpcStatus.INTERNAL, details: "Error serializing response", metadata: null });
  }
  if (trailer !== undefined && trailer !== null) call.trailers.pairs.push(...headersOfMetadata(trailer));
  call.reply(bytes, flags === undefined || (flags & NO_COMPRESS) === 0);
}

/** Reads a request; one that cannot be read ends the call. */
function deserialize(method: GrpcMethodDefinition, call: GrpcServerCall, message: Uint8Array): unknown {
  try {
    return method.requestDeserialize(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
  } catch {
    call.finish({ status: GrpcStatus.INTERNAL, details: "Error deserializing request", metadata: null });
    return null;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
