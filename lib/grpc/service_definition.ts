/**
 * Services as generated for `@grpc/grpc-js`, told by their shape: those of the user's own copy of that library fit,
 * whatever its version. Methods are written as methods and not as properties, so that handlers and serializers of any
 * message type may be assigned.
 *
 * @module
 */
import type { Buffer } from "node:buffer";

/** One method of a service. */
export interface GrpcMethodDefinition {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Whether the client sends a stream of messages. */
  readonly requestStream: boolean;
  /** Whether the server sends a stream of messages. */
  readonly responseStream: boolean;
  /** Name of the method as its `.proto` file spells it, under which a handler is looked for as well. */
  readonly originalName?: string | undefined;
  /** Reads a request. */
  requestDeserialize(bytes: Buffer): unknown;
  /** Writes a response. */
  responseSerialize(value: unknown): Uint8Array;
}

/** A service: its methods by name. The `service` of a generated client, and grpc-js's `ServiceDefinition`. */
export type GrpcServiceDefinition = Readonly<Record<string, GrpcMethodDefinition>>;

/** Metadata as `@grpc/grpc-js` has it. */
export interface GrpcMetadata {
  /** All values of a key; of a key that ends in `-bin` they are buffers. */
  get(key: string): (string | Buffer)[];
  /** The first value of each key. */
  getMap(): Record<string, string | Buffer>;
  /** Every key with its values as they go over the wire. */
  toHttp2Headers(): Record<string, number | string | string[] | undefined>;
}

/** What a handler is called with; it is what grpc-js hands to that kind of method, with more on it. */
export interface GrpcHandlerCall {
  /** Metadata of the client. */
  readonly metadata: GrpcMetadata;
  /** Whether the client has given up or its deadline has passed. */
  readonly cancelled: boolean;
  /** The request, where the client sends one message. */
  readonly request?: unknown;
  /** Address of the client. */
  getPeer(): string;
  /** `/package.Service/Method`. */
  getPath(): string;
  /** The authority the client asked for. */
  getHost(): string;
}

/** Ends a call that has one response: with an error or status, or with `null` and the response. */
export type GrpcHandlerCallback = (
  error: unknown,
  value?: unknown,
  trailer?: GrpcMetadata,
  flags?: number,
) => void;

/** A handler of any of the four kinds. */
export type GrpcHandler = {
  handle(call: GrpcHandlerCall, callback: GrpcHandlerCallback): unknown;
}["handle"];

/** Handlers by the name of their method; grpc-js's `UntypedServiceImplementation`. */
export type GrpcServiceImplementation = Readonly<Record<string, GrpcHandler>>;
