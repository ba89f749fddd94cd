/** Told that an item was added to a queue it has registered. Called later than the enqueueing, never within it. */
export type QueueListener = (queueId: number) => void;

/** What became of adding an item. */
export type EnqueueOutcome =
  | "queued"
  /** There is no such queue. */
  | "unknown"
  /** It holds as much as it may. */
  | "full";

/** Queues between VMs, by the id of the VM that registered them and a name. */
export interface SharedQueues {
  /** The queue of that name, made where there is none; the last one to register is told of items. `null` for too many. */
  register(vmId: string, name: string, listener: QueueListener): number | null;
  /** The id of a queue; `null` where there is none. */
  resolve(vmId: string, name: string): number | null;
  /** Adds an item (kept, not copied). */
  enqueue(queueId: number, item: Uint8Array): EnqueueOutcome;
  /** Takes the first item; `null` where the queue is empty, `undefined` where there is none. */
  dequeue(queueId: number): Uint8Array | null | undefined;
  /** Forgets a listener: its root is gone. The queues stay. */
  forget(listener: QueueListener): void;
  /** Notes that a VM of that id lives. */
  retain(vmId: string): void;
  /** Notes that one is gone: the queues it has registered go with the last. */
  release(vmId: string): void;
}
