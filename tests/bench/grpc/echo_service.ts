/** The service of the gRPC bench, as a code generator writes it for `@grpc/grpc-js`. */
import { Buffer } from "node:buffer";
import { type Client, makeGenericClientConstructor, type ServiceDefinition } from "@grpc/grpc-js";
import protobuf from "protobufjs";

/** `message Payload { bytes content = 1; uint32 count = 2; }` */
export interface Payload {
  content: Uint8Array;
  /** Messages to stream back. */
  count: number;
}

function encode(message: Payload): Buffer {
  const writer = protobuf.Writer.create().uint32(10).bytes(message.content);
  if (message.count !== 0) writer.uint32(16).uint32(message.count);
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decode(bytes: Uint8Array): Payload {
  const reader = protobuf.Reader.create(bytes);
  const message: Payload = { content: new Uint8Array(0), count: 0 };
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 10) message.content = reader.bytes();
    else if (tag === 16) message.count = reader.uint32();
    else reader.skipType(tag & 7);
  }
  return message;
}

function method(name: string, responseStream: boolean) {
  return {
    path: `/enmesh.bench.Echo/${name}`,
    requestStream: false,
    responseStream,
    requestSerialize: encode,
    requestDeserialize: decode,
    responseSerialize: encode,
    responseDeserialize: decode,
  };
}

/** Echoes a message, or streams it back `count` times. */
export const ECHO: ServiceDefinition = { unary: method("Unary", false), stream: method("Stream", true) };

/** A call of the stub that ends with one message. */
type UnaryMethod = (request: Payload, callback: (error: Error | null, value?: Payload) => void) => void;

/** The stub. */
export interface EchoClient extends Client {
  unary: UnaryMethod;
  stream(request: Payload): AsyncIterable<Payload>;
}

/** The stub's class. */
export const EchoClientConstructor = makeGenericClientConstructor(ECHO, "Echo");

/** A stream a handler writes to. */
interface Writable {
  readonly request: Payload;
  write(message: Payload): boolean;
  once(event: "drain" | "cancelled", listener: () => void): unknown;
  end(): void;
}

/** The implementation: the same on every server. */
export const echoImplementation = {
  unary(call: { readonly request: Payload }, callback: (error: null, value: Payload) => void): void {
    callback(null, call.request);
  },
  stream(call: Writable): void {
    const { content, count } = call.request;
    let left = count;
    const more = () => {
      while (left > 0) {
        left--;
        if (!call.write({ content, count: 0 })) return void call.once("drain", more);
      }
      call.end();
    };
    more();
  },
};
