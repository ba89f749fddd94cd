import type * as Grpc from "@grpc/grpc-js";
import type { Buffer } from "node:buffer";
import { unknownChannelRef } from "./channel.ts";
import type { GrpcJsCall } from "./client_call.ts";
import type { GrpcLibrary } from "./control_channel.ts";

type CreateCall = Grpc.ChannelInterface["createCall"];
type Watch = Parameters<Grpc.ChannelInterface["watchConnectivityState"]>;

const IDLE = 0 as Grpc.connectivityState;
const SHUTDOWN = 4 as Grpc.connectivityState;
const UNAVAILABLE = 14 as Grpc.status;

/**
 * A channel of `@grpc/grpc-js` itself, in plaintext and past any mesh, that can be had before the library is loaded:
 * a program without a mesh loads it with its first channel, not when it starts.
 *
 * States: `loading` (what is asked for queues) -> `open` (everything is the library's) or `failed`; `closed` from any.
 */
export class DeferredChannel implements Grpc.ChannelInterface {
  readonly #target: string;
  #channel: Grpc.ChannelInterface | null = null;
  #error: unknown = null;
  #closed = false;
  #queue: (() => void)[] = [];
  #calls = 0;

  /**
   * @param target Any target the library takes.
   * @param options The library's channel options.
   * @param load Loads the library.
   */
  constructor(target: string, options: Grpc.ChannelOptions, load: () => Promise<GrpcLibrary>) {
    this.#target = target;
    load().then((grpc) => {
      if (!this.#closed) this.#channel = new grpc.Channel(target, grpc.credentials.createInsecure(), options);
    }).catch((error) => this.#error = error).then(() => {
      const queue = this.#queue;
      this.#queue = [];
      for (const act of queue) act();
    });
  }

  close(): void {
    this.#closed = true;
    this.#channel?.close();
  }

  getTarget(): string {
    return this.#channel?.getTarget() ?? this.#target;
  }

  getConnectivityState(tryToConnect: boolean): Grpc.connectivityState {
    if (this.#closed || this.#error !== null) return SHUTDOWN;
    return this.#channel?.getConnectivityState(tryToConnect) ?? IDLE;
  }

  watchConnectivityState(...[state, deadline, callback]: Watch): void {
    if (this.#closed) throw new Error("Channel has been shut down");
    this.#whenOpen(() => {
      if (this.#channel === null) return callback(new Error("Channel has been shut down"));
      // A client that waits asks to connect once and then only watches.
      this.#channel.getConnectivityState(true);
      this.#channel.watchConnectivityState(state, deadline, callback);
    });
  }

  getChannelzRef(): ReturnType<Grpc.ChannelInterface["getChannelzRef"]> {
    return this.#channel?.getChannelzRef() ?? unknownChannelRef(this.#target);
  }

  createCall(...terms: Parameters<CreateCall>): GrpcJsCall {
    if (this.#closed) throw new Error("Channel has been shut down");
    if (this.#channel !== null) return this.#channel.createCall(...terms);
    const call = new DeferredCall(this.#target, this.#calls++);
    this.#whenOpen(() => {
      if (this.#channel === null) call.fail(this.#error ?? "the channel was closed");
      else call.open(this.#channel.createCall(...terms));
    });
    return call;
  }

  #whenOpen(act: () => void): void {
    if (this.#channel !== null || this.#error !== null) act();
    else this.#queue.push(act);
  }
}

/** A call made before the library was there: remembers what was asked of it. */
class DeferredCall implements GrpcJsCall {
  readonly #target: string;
  readonly #number: number;
  #call: GrpcJsCall | null = null;
  #queue: ((call: GrpcJsCall) => void)[] = [];
  #start: Parameters<GrpcJsCall["start"]> | null = null;

  constructor(target: string, number: number) {
    this.#target = target;
    this.#number = number;
  }

  open(call: GrpcJsCall): void {
    this.#call = call;
    for (const act of this.#queue) act(call);
    this.#queue = [];
  }

  fail(error: unknown): void {
    if (this.#start === null) return;
    const [metadata, listener] = this.#start;
    const details = `Cannot make the call: ${error instanceof Error ? error.message : error}`;
    listener.onReceiveStatus({ code: UNAVAILABLE, details, metadata: metadata.clone() });
  }

  start(...terms: Parameters<GrpcJsCall["start"]>): void {
    this.#start = terms;
    this.#ask((call) => call.start(...terms));
  }

  sendMessageWithContext(
    context: Parameters<GrpcJsCall["sendMessageWithContext"]>[0],
    message: Buffer,
  ): void {
    this.#ask((call) => call.sendMessageWithContext(context, message));
  }

  startRead(): void {
    this.#ask((call) => call.startRead());
  }

  halfClose(): void {
    this.#ask((call) => call.halfClose());
  }

  cancelWithStatus(status: Grpc.status, details: string): void {
    this.#ask((call) => call.cancelWithStatus(status, details));
  }

  setCredentials(credentials: Grpc.CallCredentials): void {
    this.#ask((call) => call.setCredentials(credentials));
  }

  getPeer(): string {
    return this.#call?.getPeer() ?? this.#target;
  }

  getCallNumber(): number {
    return this.#call?.getCallNumber() ?? this.#number;
  }

  getAuthContext(): ReturnType<GrpcJsCall["getAuthContext"]> {
    return this.#call?.getAuthContext() ?? null;
  }

  #ask(act: (call: GrpcJsCall) => void): void {
    if (this.#call === null) this.#queue.push(act);
    else act(this.#call);
  }
}
