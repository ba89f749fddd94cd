import type * as Grpc from "@grpc/grpc-js";
import type { Clock, Timer } from "../internal/clock.ts";
import type { Random } from "../internal/random.ts";
import { type GrpcChannelOptions, readChannelOptions } from "./channel_options.ts";
import { parseGrpcTarget } from "./channel_target.ts";
import { type CallContext, GrpcClientCall, type GrpcJsCall } from "./client_call.ts";
import type { GrpcTransport } from "./client_transport.ts";
import { ReceivedMetadata } from "./received_metadata.ts";

/** States of grpc-js's `connectivityState` that a channel in the mesh can have. */
const State = { IDLE: 0, READY: 2, SHUTDOWN: 4 } as const;
/** Bits of grpc-js's `propagate`. */
const Propagate = { DEADLINE: 1, CANCELLATION: 8, DEFAULTS: 0xffff } as const;

type ChannelRef = ReturnType<Grpc.ChannelInterface["getChannelzRef"]>;
type ParentCall = NonNullable<Parameters<Grpc.ChannelInterface["createCall"]>[3]>;

/** What a {@linkcode GrpcChannel} stands on. */
export interface GrpcChannelDeps {
  readonly transport: GrpcTransport;
  /** Its timers are many and cheap: a timer wheel. */
  readonly clock: Clock;
  readonly random: Random;
}

interface Watcher {
  readonly from: number;
  readonly timer: Timer | null;
  notify(error?: Error): void;
}

/**
 * A channel of grpc-js 1.14 whose calls go through the mesh, each on its own. Connections are not the channel's: it
 * opens and closes none, and all channels of a mesh share them.
 *
 * States: `IDLE` -> `READY` (with the first call, or who asks it to connect) -> `SHUTDOWN` (closed, or the mesh was).
 */
export class GrpcChannel implements Grpc.ChannelInterface {
  readonly #target: string;
  readonly #context: CallContext;
  readonly #authority: string;
  readonly #watchers = new Set<Watcher>();
  #state: Grpc.connectivityState = State.IDLE;
  #closed = false;
  #calls = 0;
  #unsubscribe: (() => void) | null = null;

  /**
   * Opens a channel; nothing is connected.
   *
   * @param target Where calls go, see `parseGrpcTarget`.
   * @param options See {@linkcode GrpcChannelOptions}.
   * @param deps Transport, clock, randomness.
   * @throws {TypeError} For a target or an option that cannot be used.
   */
  constructor(target: string, options: GrpcChannelOptions, deps: GrpcChannelDeps) {
    const url = parseGrpcTarget(target);
    const settings = readChannelOptions(options);
    this.#target = target;
    this.#authority = settings.authority ?? url.authority;
    this.#context = { ...deps, url, settings, received: new ReceivedMetadata(), waiting: new Set() };
  }

  /** Ends this channel and no other: new calls throw, calls under way go on, calls that wait for a server fail. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#change(State.SHUTDOWN);
    for (const stop of [...this.#context.waiting]) stop("Channel closed before the call started");
  }

  /** The target as given. */
  getTarget(): string {
    return this.#target;
  }

  /** `READY` once it was asked to connect: whether a server answers is known call by call. */
  getConnectivityState(tryToConnect: boolean): Grpc.connectivityState {
    if (!this.#closed && this.#context.transport.closed) return State.SHUTDOWN;
    if (tryToConnect && this.#state === State.IDLE) this.#change(State.READY);
    return this.#state;
  }

  /** Calls back at the next change from `currentState`, or with an error at the deadline. @throws Once it is closed. */
  watchConnectivityState(
    currentState: Grpc.connectivityState,
    deadline: Date | number,
    callback: (error?: Error) => void,
  ): void {
    const state = this.getConnectivityState(false);
    if (state === State.SHUTDOWN) throw new Error("Channel has been shut down");
    if (state !== currentState) return queueMicrotask(() => callback());
    const { clock, transport } = this.#context;
    const ms = milliseconds(deadline) - clock.now();
    const watcher: Watcher = {
      from: currentState,
      timer: ms === Infinity ? null : clock.timer(ms, () => {
        watcher.notify(new Error("Deadline passed without connectivity state change"));
      }),
      notify: (error) => {
        watcher.timer?.cancel();
        this.#watchers.delete(watcher);
        if (this.#watchers.size === 0) {
          this.#unsubscribe?.();
          this.#unsubscribe = null;
        }
        queueMicrotask(() => callback(error));
      },
    };
    this.#watchers.add(watcher);
    this.#unsubscribe ??= transport.onClose(() => this.#change(State.SHUTDOWN));
  }

  /** Channelz is not served: an id that no one knows. */
  getChannelzRef(): ChannelRef {
    return unknownChannelRef(this.#target);
  }

  /**
   * Makes a call; stubs do so.
   *
   * @throws {TypeError} For a method or a deadline that is none.
   * @throws {Error} Once the channel is closed.
   */
  createCall(
    method: string,
    deadline: Date | number,
    host: string | null | undefined,
    parentCall: ParentCall | null,
    propagateFlags: number | null | undefined,
  ): GrpcJsCall {
    if (typeof method !== "string" || !method.startsWith("/")) {
      throw new TypeError(`Cannot make a call: '${method}' is no method; give '/package.Service/Method'`);
    }
    let until = milliseconds(deadline);
    if (this.#closed) throw new Error("Channel has been shut down");
    if (this.#state === State.IDLE) this.#change(State.READY);
    const flags = propagateFlags ?? Propagate.DEFAULTS;
    if (parentCall !== null && (flags & Propagate.DEADLINE) !== 0) {
      until = Math.min(until, milliseconds(parentCall.getDeadline()));
    }
    const call = new GrpcClientCall(this.#context, {
      path: method,
      number: this.#calls++,
      authority: host ?? this.#authority,
      deadline: until,
    });
    if (parentCall !== null && (flags & Propagate.CANCELLATION) !== 0) followParent(parentCall, call);
    return call;
  }

  #change(state: Grpc.connectivityState): void {
    this.#state = state;
    for (const watcher of [...this.#watchers]) if (watcher.from !== state) watcher.notify();
  }
}

/** What a channel that channelz does not know says. */
export function unknownChannelRef(target: string): ChannelRef {
  return { kind: "channel" as ChannelRef["kind"], id: 0, name: target };
}

function followParent(parent: ParentCall, call: GrpcClientCall): void {
  const cancel = () => call.cancelWithStatus(1, "Cancelled by parent call");
  if (parent.cancelled) return cancel();
  parent.on("cancelled", cancel);
  // A parent may outlive many calls: it must not keep them.
  call.onEnd = () => void parent.removeListener("cancelled", cancel);
}

function milliseconds(deadline: Date | number): number {
  const ms = typeof deadline === "number"
    ? deadline
    : typeof deadline?.getTime === "function"
    ? deadline.getTime()
    : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new TypeError(`Cannot use the deadline '${deadline}': give a Date, or milliseconds since the Unix epoch`);
}
