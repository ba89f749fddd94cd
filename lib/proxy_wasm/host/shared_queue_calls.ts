import { Status } from "../abi.ts";
import type { RootContext } from "../root_context.ts";
import type { QueueListener } from "../shared_queues.ts";
import type { HostGroup } from "./host_group.ts";

/** Queues between VMs: the root that has registered one is told of its items. */
export const sharedQueueCalls: HostGroup = (vm) => {
  const { memory, config } = vm;
  const listeners = new Map<RootContext, QueueListener>();

  function listenerOf(root: RootContext): QueueListener {
    let listener = listeners.get(root);
    if (listener === undefined) {
      listener = (queueId) =>
        vm.defer(() => {
          if (!root.closed) vm.run(root, vm.exports.onQueueReady, root.id, queueId);
        });
      const registered = listener;
      listeners.set(root, registered);
      root.onClose(() => {
        listeners.delete(root);
        vm.host.queues.forget(registered);
      });
    }
    return listener;
  }

  return {
    proxy_register_shared_queue(name: number, nameSize: number, idOut: number) {
      const { context } = vm;
      if (context === null || context.root.closed) return Status.INTERNAL_FAILURE;
      const text = memory.text(name, nameSize);
      if (text === null || !memory.contains(idOut, 4)) return Status.INVALID_MEMORY_ACCESS;
      const id = vm.host.queues.register(config.vmId, text, listenerOf(context.root));
      if (id === null) return Status.INTERNAL_FAILURE;
      return memory.writeU32(idOut, id) ? Status.OK : Status.INVALID_MEMORY_ACCESS;
    },
    proxy_resolve_shared_queue(vmId: number, vmIdSize: number, name: number, nameSize: number, idOut: number) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      const owner = memory.text(vmId, vmIdSize);
      const text = memory.text(name, nameSize);
      if (owner === null || text === null) return Status.INVALID_MEMORY_ACCESS;
      const id = vm.host.queues.resolve(owner === "" ? config.vmId : owner, text);
      if (id === null) return Status.NOT_FOUND;
      return memory.writeU32(idOut, id) ? Status.OK : Status.INVALID_MEMORY_ACCESS;
    },
    proxy_enqueue_shared_queue(id: number, value: number, valueSize: number) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      const bytes = memory.copy(value, valueSize);
      if (bytes === null) return Status.INVALID_MEMORY_ACCESS;
      switch (vm.host.queues.enqueue(id >>> 0, bytes)) {
        case "queued":
          return Status.OK;
        case "unknown":
          return Status.NOT_FOUND;
        case "full":
          return Status.INTERNAL_FAILURE;
      }
    },
    proxy_dequeue_shared_queue(id: number, valueOut: number, sizeOut: number) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      // Asked first: an item that cannot be handed over would be lost.
      if (!memory.contains(valueOut, 4) || !memory.contains(sizeOut, 4)) return Status.INVALID_MEMORY_ACCESS;
      const item = vm.host.queues.dequeue(id >>> 0);
      if (item === undefined) return Status.NOT_FOUND;
      return item === null ? Status.EMPTY : memory.giveBytes(item, valueOut, sizeOut);
    },
  };
};
