import type { RootContext } from "../root_context.ts";
import type { Vm } from "../vm.ts";

/** Kinds of calls, by the two lowest bits of their numbers. */
export const CallKind = { HTTP: 0, GRPC_CALL: 1, GRPC_STREAM: 2 } as const;

/** The kind of a call by its number; 3 is none. */
export function callKind(id: number): number {
  return id & 3;
}

/** Most calls a VM may have under way. */
const MAX_CALLS = 10_000;
/** Calls that are over and that the module has still to close: SDKs differ on whether they do. */
const MAX_FINISHED = 1000;
/** Most bytes a VM may have waiting to be sent. */
const MAX_BYTES = 64 * 1024 * 1024;
const STEP = 4;

/** A call under way. */
export interface OpenCall {
  readonly root: RootContext;
  /** Ends it; the module hears nothing more of it. */
  cancel(): void;
}

/**
 * Calls of one VM that are under way, by number. They end with the root they belong to, and with the VM; there is an end
 * to how many there may be, for the module decides how many it begins within one callback.
 */
export class OpenCalls<C extends OpenCall> {
  readonly #calls = new Map<number, C>();
  /** Those that are over, oldest first. */
  readonly #finished = new Set<number>();
  readonly #roots = new Set<RootContext>();
  /** The number given last, by kind. */
  readonly #last: Record<number, number> = { 0: 0, 1: 1, 2: 2 };
  /** Bytes waiting to be sent. */
  bytes = 0;

  /** @param vm The VM: when it fails, every call of it ends. */
  constructor(vm: Vm) {
    vm.onFailure(() => {
      for (const [id, call] of [...this.#calls]) this.#end(id, call);
    });
  }

  /** Whether one more, with so many bytes to be sent, may be begun. */
  hasRoom(bytes: number): boolean {
    return this.#calls.size - this.#finished.size < MAX_CALLS && this.takes(bytes);
  }

  /** Whether so many bytes more may wait to be sent. */
  takes(bytes: number): boolean {
    return this.bytes + bytes <= MAX_BYTES;
  }

  /** A number of that kind that no call has. */
  nextId(kind: number): number {
    let id = this.#last[kind]!;
    do {
      id = (id + STEP) >>> 0;
    } while (id < STEP || this.#calls.has(id));
    return this.#last[kind] = id;
  }

  /** Adds a call. */
  add(id: number, call: C): void {
    this.#calls.set(id, call);
    const { root } = call;
    if (this.#roots.has(root)) return;
    this.#roots.add(root);
    root.onClose(() => {
      this.#roots.delete(root);
      for (const [id, call] of [...this.#calls]) if (call.root === root) this.#end(id, call);
    });
  }

  /** The call of that number. */
  find(id: number): C | undefined {
    return this.#calls.get(id);
  }

  /** Forgets a call; `false` where it is not there any more. */
  remove(id: number): boolean {
    this.#finished.delete(id);
    return this.#calls.delete(id);
  }

  /** Notes that nothing will be told of a call any more, although the module has not closed it. */
  finish(id: number): void {
    this.#finished.add(id);
    if (this.#finished.size > MAX_FINISHED) this.remove(this.#finished.values().next().value!);
  }

  #end(id: number, call: C): void {
    this.remove(id);
    call.cancel();
  }
}
