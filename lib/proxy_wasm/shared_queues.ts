/** Told that an item was added to a queue it has registered. Called later than the enqueueing, never within it. */
export type QueueListener = (queueId: number) => void;

/** Queues between VMs, by the id of the VM that registered them and a name. */
export interface SharedQueues {
  /** The queue of that name, made where there is none; the last one to register is told of items. */
  register(vmId: string, name: string, listener: QueueListener): number;
  /** The id of a queue; `null` where there is none. */
  resolve(vmId: string, name: string): number | null;
  /** Adds an item (kept, not copied); `false` where there is no such queue. */
  enqueue(queueId: number, item: Uint8Array): boolean;
  /** Takes the first item; `null` where the queue is empty, `undefined` where there is none. */
  dequeue(queueId: number): Uint8Array | null | undefined;
  /** Forgets a listener: its root is gone. The queues stay. */
  forget(listener: QueueListener): void;
}
