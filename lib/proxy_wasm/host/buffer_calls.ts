import { BufferType, Status, type StatusCode } from "../abi.ts";
import { GUEST_LIMITS } from "../guest_limits.ts";
import type { HostGroup } from "./host_group.ts";

/** Bodies, messages and configurations: the buffers of `BufferType`. */
export const bufferCalls: HostGroup = (vm) => {
  const { memory } = vm;
  return {
    proxy_get_buffer_bytes(type: number, start: number, max: number, dataOut: number, sizeOut: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      const buffer = context.buffer(type);
      if (buffer === null) {
        const status = missingStatus(type);
        return status === Status.OK ? memory.giveText("", dataOut, sizeOut) : status;
      }
      const from = start >>> 0;
      const size = from >= buffer.length ? 0 : Math.min(max >>> 0, buffer.length - from);
      if (size === 0) return memory.giveText("", dataOut, sizeOut);
      return memory.giveWith(size, dataOut, sizeOut, (target) => buffer.copyTo(target, from, size));
    },
    proxy_get_buffer_status(type: number, lengthOut: number, flagsOut: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      const buffer = context.buffer(type);
      const status = buffer === null ? missingStatus(type) : Status.OK;
      if (status !== Status.OK) return status;
      return memory.writeU32(lengthOut, buffer?.length ?? 0) && memory.writeU32(flagsOut, 0)
        ? Status.OK
        : Status.INVALID_MEMORY_ACCESS;
    },
    proxy_set_buffer_bytes(type: number, start: number, size: number, data: number, dataSize: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      const buffer = context.buffer(type);
      if (buffer === null) {
        const status = missingStatus(type);
        return status === Status.OK ? Status.BAD_ARGUMENT : status;
      }
      const bytes = memory.view(data, dataSize);
      if (bytes === null) return Status.INVALID_MEMORY_ACCESS;
      // Beyond the end is at the end: that is how SDKs append.
      const from = Math.min(start >>> 0, buffer.length);
      const replaced = Math.min(size >>> 0, buffer.length - from);
      if (buffer.length - replaced + bytes.length > GUEST_LIMITS.contentBytes) return Status.BAD_ARGUMENT;
      return buffer.splice(from, replaced, bytes) ? Status.OK : Status.BAD_ARGUMENT;
    },
  };
};

/** What a buffer that is not there now answers: content of a stream is empty then, as in Envoy; others are not found. */
function missingStatus(type: number): StatusCode {
  switch (type) {
    case BufferType.HTTP_REQUEST_BODY:
    case BufferType.HTTP_RESPONSE_BODY:
    case BufferType.DOWNSTREAM_DATA:
    case BufferType.UPSTREAM_DATA:
    case BufferType.CALL_DATA:
      return Status.OK;
  }
  return type >>> 0 > BufferType.CALL_DATA ? Status.BAD_ARGUMENT : Status.NOT_FOUND;
}
