import type { Clock } from "../internal/clock.ts";
import type { EnqueueOutcome, QueueListener, SharedQueues } from "./shared_queues.ts";

/** Bytes one queue may hold, where nothing else is said. */
export const DEFAULT_QUEUE_BYTES: number = 16 * 1024 * 1024;
/** What an item costs beside its bytes. */
const ITEM_OVERHEAD = 64;
/** Queues for each VM id. */
const MAX_QUEUES = 1024;

/** Items first in, first out. Taking one costs the same however many there are. */
class Queue {
  readonly id: number;
  listener: QueueListener | null = null;
  bytes = 0;
  /** Items added that the listener has not been told of. */
  untold = 0;
  #items: (Uint8Array | null)[] = [];
  #first = 0;

  constructor(id: number) {
    this.id = id;
  }

  push(item: Uint8Array): void {
    this.#items.push(item);
    this.bytes += item.length + ITEM_OVERHEAD;
  }

  shift(): Uint8Array | null {
    const item = this.#items[this.#first] ?? null;
    if (item === null) return null;
    this.#items[this.#first++] = null;
    if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    this.bytes -= item.length + ITEM_OVERHEAD;
    return item;
  }
}

interface Scope {
  vms: number;
  readonly queues: Map<string, Queue>;
}

/**
 * Queues in memory, between the VMs of one mesh. Whoever has registered a queue is told once for each item, in a turn of
 * the event loop of its own: a module that adds to its own queue when told keeps nobody else from running.
 */
export class SharedQueueTable implements SharedQueues {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #scopes = new Map<string, Scope>();
  readonly #queues = new Map<number, Queue>();
  readonly #told: Queue[] = [];
  #nextId = 0;

  /**
   * @param clock Sets the timers by which listeners are told.
   * @param maxBytes Most bytes of one queue.
   */
  constructor(clock: Clock, maxBytes: number = DEFAULT_QUEUE_BYTES) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  register(vmId: string, name: string, listener: QueueListener): number | null {
    const { queues } = this.#scope(vmId);
    let queue = queues.get(name);
    if (queue === undefined) {
      if (queues.size >= MAX_QUEUES) return null;
      queue = new Queue(++this.#nextId);
      queues.set(name, queue);
      this.#queues.set(queue.id, queue);
    }
    queue.listener = listener;
    return queue.id;
  }

  resolve(vmId: string, name: string): number | null {
    return this.#scopes.get(vmId)?.queues.get(name)?.id ?? null;
  }

  enqueue(queueId: number, item: Uint8Array): EnqueueOutcome {
    const queue = this.#queues.get(queueId);
    if (queue === undefined) return "unknown";
    if (queue.bytes + item.length + ITEM_OVERHEAD > this.#maxBytes) return "full";
    queue.push(item);
    if (queue.untold++ === 0) {
      this.#told.push(queue);
      if (this.#told.length === 1) this.#clock.timer(0, () => this.#tell());
    }
    return "queued";
  }

  dequeue(queueId: number): Uint8Array | null | undefined {
    return this.#queues.get(queueId)?.shift();
  }

  forget(listener: QueueListener): void {
    for (const queue of this.#queues.values()) if (queue.listener === listener) queue.listener = null;
  }

  retain(vmId: string): void {
    this.#scope(vmId).vms++;
  }

  release(vmId: string): void {
    const scope = this.#scopes.get(vmId);
    if (scope === undefined || --scope.vms > 0) return;
    this.#scopes.delete(vmId);
    for (const { id } of scope.queues.values()) this.#queues.delete(id);
  }

  #tell(): void {
    for (const queue of this.#told.splice(0)) {
      const items = queue.untold;
      queue.untold = 0;
      for (let i = 0; i < items; i++) queue.listener?.(queue.id);
    }
  }

  #scope(vmId: string): Scope {
    let scope = this.#scopes.get(vmId);
    if (scope === undefined) this.#scopes.set(vmId, scope = { vms: 0, queues: new Map() });
    return scope;
  }
}
