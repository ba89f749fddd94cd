import { nanoseconds } from "../nanoseconds.ts";
import { GUEST_LIMITS } from "../guest_limits.ts";
import type { Vm } from "../vm.ts";
import { logLine } from "./log_calls.ts";
import type { HostGroup } from "./host_group.ts";

/** Error numbers of WASI preview 1. */
const Errno = { SUCCESS: 0, BADF: 8, FAULT: 21, INVAL: 28, NOENT: 44, NOSYS: 52, NOTSUP: 58 } as const;

const STDOUT = 1;
const STDERR = 2;
const MAX_RANDOM = 64 * 1024;
/** Realtime and monotonic, in nanoseconds. */
const CLOCK_RESOLUTION = 1_000_000n;
/** `fd_write`. */
const WRITE_RIGHT = 64n;

/** Thrown by `proc_exit`: it ends the callback, and with it the VM. */
class GuestExit extends Error {
  constructor(code: number) {
    super(`it has exited with code ${code}`);
    this.name = "GuestExit";
  }
}

/**
 * WASI preview 1 as far as SDKs need it: output becomes log lines, clocks, randomness and environment variables are
 * there, files and sockets are not.
 */
export const wasiCalls: HostGroup = (vm) => {
  const { memory } = vm;
  const environment = [...vm.config.environment].map(([name, value]) => utf8Bytes(`${name}=${value}\0`));
  const environmentBytes = environment.reduce((size, { length }) => size + length, 0);
  const refuse = (errno: number) => () => errno;
  return {
    fd_write: (fd: number, vectors: number, count: number, writtenOut: number) =>
      write(vm, fd, vectors, count, writtenOut),
    fd_read: refuse(Errno.NOSYS),
    fd_seek: refuse(Errno.SUCCESS),
    fd_close: refuse(Errno.SUCCESS),
    fd_fdstat_get(fd: number, statOut: number) {
      if (fd !== STDOUT && fd !== STDERR) return Errno.BADF;
      const stat = memory.view(statOut, 24);
      if (stat === null) return Errno.FAULT;
      stat.fill(0);
      memory.writeU64(statOut + 8, WRITE_RIGHT);
      return Errno.SUCCESS;
    },
    fd_fdstat_set_flags: refuse(Errno.NOSYS),
    fd_prestat_get: refuse(Errno.BADF),
    fd_prestat_dir_name: refuse(Errno.NOSYS),
    path_open: refuse(Errno.NOENT),
    ...Object.fromEntries(NOT_SUPPORTED.map((name) => [name, refuse(Errno.NOTSUP)])),
    environ_sizes_get: (countOut: number, sizeOut: number) =>
      memory.writeU32(countOut, environment.length) && memory.writeU32(sizeOut, environmentBytes)
        ? Errno.SUCCESS
        : Errno.FAULT,
    environ_get(pointersOut: number, dataOut: number) {
      let at = dataOut >>> 0;
      for (const [index, bytes] of environment.entries()) {
        if (!memory.writeU32((pointersOut >>> 0) + index * 4, at) || !memory.write(at, bytes)) return Errno.FAULT;
        at += bytes.length;
      }
      return Errno.SUCCESS;
    },
    args_sizes_get: (countOut: number, sizeOut: number) =>
      memory.writeU32(countOut, 0) && memory.writeU32(sizeOut, 0) ? Errno.SUCCESS : Errno.FAULT,
    args_get: refuse(Errno.SUCCESS),
    clock_res_get: (id: number, resolutionOut: number) =>
      id < 0 || id > 1 ? Errno.NOSYS : memory.writeU64(resolutionOut, CLOCK_RESOLUTION) ? Errno.SUCCESS : Errno.FAULT,
    clock_time_get(id: number, _precision: bigint, timeOut: number) {
      if (id < 0 || id > 1) return Errno.NOSYS;
      const { clock } = vm.host;
      const time = nanoseconds(id === 0 ? clock.now() : clock.monotonic());
      return memory.writeU64(timeOut, time) ? Errno.SUCCESS : Errno.FAULT;
    },
    random_get(target: number, size: number) {
      if (size >>> 0 > MAX_RANDOM) return Errno.INVAL;
      const bytes = memory.view(target, size);
      if (bytes === null) return Errno.FAULT;
      vm.host.fillRandom(bytes);
      return Errno.SUCCESS;
    },
    // Nothing is ever ready, and that is success: runtimes of Go poll while they start.
    poll_oneoff: (_in: number, _out: number, _count: number, eventsOut: number) =>
      memory.writeU32(eventsOut, 0) ? Errno.SUCCESS : Errno.FAULT,
    sched_yield: refuse(Errno.SUCCESS),
    proc_exit(code: number): never {
      throw new GuestExit(code);
    },
  };
};

const NOT_SUPPORTED = [
  "path_create_directory",
  "path_filestat_get",
  "path_filestat_set_times",
  "path_link",
  "path_readlink",
  "path_remove_directory",
  "path_rename",
  "path_symlink",
  "path_unlink_file",
  "sock_accept",
  "sock_recv",
  "sock_send",
  "sock_shutdown",
];

/** Output as a log line: standard output for information, standard error for errors. One newline at its end is dropped. */
function write(vm: Vm, fd: number, vectors: number, count: number, writtenOut: number): number {
  const { memory } = vm;
  if (fd !== STDOUT && fd !== STDERR) return Errno.BADF;
  if (count >>> 0 > GUEST_LIMITS.writeVectors) return Errno.INVAL;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let i = 0; i < count >>> 0; i++) {
    const vector = (vectors >>> 0) + i * 8;
    const start = memory.readU32(vector);
    const length = memory.readU32(vector + 4);
    const chunk = start === null || length === null ? null : memory.view(start, length);
    if (chunk === null) return Errno.FAULT;
    chunks.push(chunk);
    size += chunk.length;
    // The same memory may be named any number of times.
    if (size > MAX_OUTPUT) return Errno.INVAL;
  }
  if (size > 0) {
    const line = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      line.set(chunk, at);
      at += chunk.length;
    }
    logLine(vm, fd === STDOUT ? "info" : "error", line.at(-1) === 0x0a ? line.subarray(0, -1) : line);
  }
  return memory.writeU32(writtenOut, size) ? Errno.SUCCESS : Errno.FAULT;
}

const MAX_OUTPUT = 1024 * 1024;

function utf8Bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
