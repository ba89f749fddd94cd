/** A service as generated for grpc-js, with messages in JSON, and a server of it on loopback for a grpc-js client. */
import * as grpc from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { type GrpcServices, GrpcServiceServer, type GrpcServiceServerOptions } from "../../lib/grpc/service_server.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { PlainListener } from "../../lib/plain_listener.ts";
import { LogBook } from "./mesh_rig.ts";

/** The request of every method. */
export interface Hello {
  name: string;
}

/** The response of every method. */
export interface Greeting {
  text: string;
}

/** Handlers, in the form generators write them. */
export interface GreeterServer extends grpc.UntypedServiceImplementation {
  sayHello: grpc.handleUnaryCall<Hello, Greeting>;
  collect: grpc.handleClientStreamingCall<Hello, Greeting>;
  repeat: grpc.handleServerStreamingCall<Hello, Greeting>;
  chat: grpc.handleBidiStreamingCall<Hello, Greeting>;
}

const serialize = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const deserialize = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

function method<Name extends string>(name: Name, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Greeter/${name}`,
    requestStream,
    responseStream,
    originalName: `original${name}`,
    requestSerialize: (value: Hello) => serialize(value),
    requestDeserialize: (bytes: Buffer) => deserialize(bytes) as Hello,
    responseSerialize: (value: Greeting) => {
      if (value.text === "unserializable") throw new Error("Private");
      return serialize(value);
    },
    responseDeserialize: (bytes: Buffer) => deserialize(bytes) as Greeting,
  };
}

/** The service. */
export const GreeterService: grpc.ServiceDefinition<GreeterServer> = {
  sayHello: method("SayHello", false, false),
  collect: method("Collect", true, false),
  repeat: method("Repeat", false, true),
  chat: method("Chat", true, true),
};

/** How a call ended. */
export interface Ended {
  readonly greeting: Greeting | null;
  readonly status: grpc.StatusObject;
  /** Metadata of the response head. */
  readonly head: grpc.Metadata;
}

/** A client as generated, with the ends of its calls as promises. */
export class GreeterClient extends grpc.Client {
  /** Calls the unary method. */
  sayHello(
    name: string,
    { metadata = new grpc.Metadata(), options = {}, onCall }: {
      metadata?: grpc.Metadata;
      options?: grpc.CallOptions;
      onCall?: (call: grpc.ClientUnaryCall) => void;
    } = {},
  ): Promise<Ended> {
    const { path, requestSerialize, responseDeserialize } = GreeterService.sayHello!;
    return new Promise((resolve) => {
      let greeting: Greeting | null = null;
      const call = this.makeUnaryRequest<Hello, Greeting>(
        path,
        requestSerialize,
        responseDeserialize,
        { name },
        metadata,
        options,
        (_error, value) => greeting = value ?? null,
      );
      ended(call).then(({ status, head }) => queueMicrotask(() => resolve({ greeting, status, head })));
      onCall?.(call);
    });
  }

  /** Calls the method with a stream of requests. */
  collect(send: (call: grpc.ClientWritableStream<Hello>) => void): Promise<Ended> {
    const { path, requestSerialize, responseDeserialize } = GreeterService.collect!;
    return new Promise((resolve) => {
      let greeting: Greeting | null = null;
      const call = this.makeClientStreamRequest<Hello, Greeting>(
        path,
        requestSerialize,
        responseDeserialize,
        (_error, value) => greeting = value ?? null,
      );
      ended(call).then(({ status, head }) => queueMicrotask(() => resolve({ greeting, status, head })));
      send(call);
    });
  }

  /** Calls the method with a stream of responses. */
  repeat(name: string, options: grpc.CallOptions = {}): grpc.ClientReadableStream<Greeting> {
    const { path, requestSerialize, responseDeserialize } = GreeterService.repeat!;
    return quiet(
      this.makeServerStreamRequest<Hello, Greeting>(path, requestSerialize, responseDeserialize, { name }, options),
    );
  }

  /** Calls the method with streams in both directions. */
  chat(options: grpc.CallOptions = {}): grpc.ClientDuplexStream<Hello, Greeting> {
    const { path, requestSerialize, responseDeserialize } = GreeterService.chat!;
    return quiet(this.makeBidiStreamRequest<Hello, Greeting>(path, requestSerialize, responseDeserialize, options));
  }
}

/** The failure of a stream is read from its status. */
function quiet<Call extends grpc.ClientReadableStream<Greeting>>(call: Call): Call {
  call.on("error", () => {});
  return call;
}

/** The texts a stream of responses has brought, once it has ended, and how. */
export async function received(
  call: grpc.ClientReadableStream<Greeting>,
): Promise<{ texts: string[]; status: grpc.StatusObject; head: grpc.Metadata }> {
  const texts: string[] = [];
  call.on("data", ({ text }: Greeting) => texts.push(text));
  return { texts, ...await ended(call) };
}

/** Status and response metadata of a call, once it has ended. */
export function ended(
  call: grpc.ClientUnaryCall | grpc.ClientReadableStream<Greeting> | grpc.ClientWritableStream<Hello>,
): Promise<{ status: grpc.StatusObject; head: grpc.Metadata }> {
  return new Promise((resolve) => {
    let head = new grpc.Metadata();
    call.on("metadata", (metadata: grpc.Metadata) => head = metadata);
    call.on("status", (status: grpc.StatusObject) => resolve({ status, head }));
  });
}

/** What a test has of {@linkcode withGreeter}. */
export interface GreeterRig {
  readonly client: GreeterClient;
  readonly server: GrpcServices;
  readonly listener: PlainListener;
  readonly port: number;
  readonly log: LogBook;
}

/** Options of {@linkcode withGreeter}. */
export interface GreeterOptions extends Partial<GrpcServiceServerOptions> {
  readonly client?: grpc.ClientOptions;
}

/** Serves handlers in cleartext on loopback and hands a client to `test`; nothing is open afterwards. */
export async function withGreeter(
  handlers: Partial<GreeterServer>,
  test: (rig: GreeterRig) => Promise<void>,
  { client: clientOptions = {}, ...options }: GreeterOptions = {},
): Promise<void> {
  const log = new LogBook();
  const server = new GrpcServiceServer({
    clock: systemClock,
    logger: log,
    newMetadata: () => new grpc.Metadata(),
    peerOf: (identity) => ({ principal: identity.principal }),
    ...options,
  });
  server.addService(GreeterService, handlers as GreeterServer);
  const listener = await PlainListener.start({
    hostname: "127.0.0.1",
    port: 0,
    handler: server.handler,
    clock: systemClock,
    logger: log,
    onDrain: () => server.shutdown(),
  });
  const { port } = listener.addr;
  const client = new GreeterClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    "grpc.enable_channelz": 0,
    ...clientOptions,
  });
  try {
    await test({ client, server, listener, port, log });
  } finally {
    client.close();
    await listener.close();
  }
}
