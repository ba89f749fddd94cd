/**
 * `grpc.testing.TestService`, the service of gRPC's interop tests, as a definition for grpc-js. Runs in Deno and, with
 * its types stripped, in Node: so it imports packages only.
 */
import type { MethodDefinition } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import protobuf from "protobufjs";

const PROTO = `
syntax = "proto3";
package grpc.testing;
message Empty {}
enum PayloadType { COMPRESSABLE = 0; }
message Payload { PayloadType type = 1; bytes body = 2; }
message EchoStatus { int32 code = 1; string message = 2; }
message SimpleRequest {
  PayloadType response_type = 1;
  int32 response_size = 2;
  Payload payload = 3;
  EchoStatus response_status = 7;
}
message SimpleResponse { Payload payload = 1; }
message StreamingInputCallRequest { Payload payload = 1; }
message StreamingInputCallResponse { int32 aggregated_payload_size = 1; }
message ResponseParameters { int32 size = 1; int32 interval_us = 2; }
message StreamingOutputCallRequest {
  PayloadType response_type = 1;
  repeated ResponseParameters response_parameters = 2;
  Payload payload = 3;
  EchoStatus response_status = 7;
}
message StreamingOutputCallResponse { Payload payload = 1; }
`;

/** Content without meaning. */
export interface Payload {
  body: Uint8Array;
}
/** A status the server is asked to end with. */
export interface EchoStatus {
  code: number;
  message: string;
}
/** Asks for one payload. */
export interface SimpleRequest {
  responseSize?: number;
  payload?: Payload;
  responseStatus?: EchoStatus | null;
}
/** One payload, in either kind of answer. */
export interface PayloadResponse {
  payload?: Payload | null;
}
/** Brings a payload to be counted. */
export interface InputRequest {
  payload?: Payload | null;
}
/** The sum of what was counted. */
export interface InputResponse {
  aggregatedPayloadSize: number;
}
/** Asks for payloads, one for each entry. */
export interface OutputRequest {
  responseParameters?: { size: number; intervalUs?: number }[];
  payload?: Payload;
  responseStatus?: EchoStatus | null;
}
/** Nothing. */
export type Empty = Record<string, never>;

const root = protobuf.parse(PROTO, { keepCase: false }).root;

function method<Request extends object, Response extends object>(
  service: string,
  name: string,
  [request, response]: readonly [string, string],
  [requestStream, responseStream]: readonly [boolean, boolean],
): MethodDefinition<Request, Response> {
  const requests = root.lookupType(`grpc.testing.${request}`);
  const responses = root.lookupType(`grpc.testing.${response}`);
  const serialize = (type: protobuf.Type) => (message: object) =>
    Buffer.from(type.encode(type.fromObject(message)).finish());
  const parse = <T>(type: protobuf.Type) => (bytes: Uint8Array) =>
    type.toObject(type.decode(bytes), { defaults: true, arrays: true }) as T;
  return {
    path: `/grpc.testing.${service}/${name}`,
    originalName: name.charAt(0).toLowerCase() + name.slice(1),
    requestStream,
    responseStream,
    requestSerialize: serialize(requests),
    requestDeserialize: parse<Request>(requests),
    responseSerialize: serialize(responses),
    responseDeserialize: parse<Response>(responses),
  };
}

const OUTPUT = ["StreamingOutputCallRequest", "StreamingOutputCallResponse"] as const;

/** The methods that servers implement. */
export const testService = {
  EmptyCall: method<Empty, Empty>("TestService", "EmptyCall", ["Empty", "Empty"], [false, false]),
  UnaryCall: method<SimpleRequest, PayloadResponse>(
    "TestService",
    "UnaryCall",
    ["SimpleRequest", "SimpleResponse"],
    [false, false],
  ),
  StreamingOutputCall: method<OutputRequest, PayloadResponse>("TestService", "StreamingOutputCall", OUTPUT, [
    false,
    true,
  ]),
  StreamingInputCall: method<InputRequest, InputResponse>(
    "TestService",
    "StreamingInputCall",
    ["StreamingInputCallRequest", "StreamingInputCallResponse"],
    [true, false],
  ),
  FullDuplexCall: method<OutputRequest, PayloadResponse>("TestService", "FullDuplexCall", OUTPUT, [true, true]),
};

/** Methods that no server has. */
export const unimplemented = {
  method: method<Empty, Empty>("TestService", "UnimplementedCall", ["Empty", "Empty"], [false, false]),
  service: method<Empty, Empty>("UnimplementedService", "UnimplementedCall", ["Empty", "Empty"], [false, false]),
};

/** Metadata that servers echo: the first in the headers, the second in the trailers. */
export const ECHO = { initial: "x-grpc-test-echo-initial", trailing: "x-grpc-test-echo-trailing-bin" } as const;
