import { DEFAULT_MAX_MESSAGE_BYTES } from "./framing.ts";

/**
 * Options of a gRPC channel in the mesh: those of `@grpc/grpc-js`'s `ChannelOptions` that mean something here. Others
 * (connections, keepalive, resolution, retries, TLS: all of them the mesh's business) are accepted and ignored.
 */
export interface GrpcChannelOptions {
  /** `:authority` of calls, by which the mesh chooses the virtual host. @default {host and port of the target} */
  "grpc.default_authority"?: string;
  /** Put before the library's name in `user-agent`. @default {none} */
  "grpc.primary_user_agent"?: string;
  /** Put behind the library's name in `user-agent`. @default {none} */
  "grpc.secondary_user_agent"?: string;
  /** The largest message taken, bytes; -1 for any. Larger ones end the call with RESOURCE_EXHAUSTED. @default {4194304} */
  "grpc.max_receive_message_length"?: number;
  /** The largest message sent, bytes; -1 for any. Larger ones end the call with RESOURCE_EXHAUSTED. @default {-1} */
  "grpc.max_send_message_length"?: number;
  /** 0 sends messages as they are, 2 packs them with gzip; 1 (deflate) is refused. @default {0} */
  "grpc.default_compression_algorithm"?: number;
  /** Pause before a `waitForReady` call tries again, milliseconds, at first. @default {100} */
  "grpc.initial_reconnect_backoff_ms"?: number;
  /** The longest such pause, milliseconds. @default {10000} */
  "grpc.max_reconnect_backoff_ms"?: number;
  /** Anything else is ignored. */
  [option: string]: unknown;
}

/** Options as a channel uses them. */
export interface ChannelSettings {
  readonly authority: string | null;
  readonly userAgent: string;
  /** Bytes; `Infinity` for no limit. */
  readonly maxReceiveBytes: number;
  /** Bytes; `Infinity` for no limit. */
  readonly maxSendBytes: number;
  readonly gzip: boolean;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
}

const USER_AGENT = "grpc-enmesh/0.1";

/**
 * Reads the options of a channel.
 *
 * @throws {TypeError} Where one has the wrong type or a value that cannot be obeyed.
 */
export function readChannelOptions(options: GrpcChannelOptions): ChannelSettings {
  const primary = text(options, "grpc.primary_user_agent");
  const secondary = text(options, "grpc.secondary_user_agent");
  const algorithm = number(options, "grpc.default_compression_algorithm", 0);
  if (algorithm !== 0 && algorithm !== 2) {
    throw wrong("grpc.default_compression_algorithm", algorithm, "use 0 (identity) or 2 (gzip)");
  }
  const initialBackoffMs = number(options, "grpc.initial_reconnect_backoff_ms", 100);
  return {
    authority: text(options, "grpc.default_authority"),
    userAgent: [primary, USER_AGENT, secondary].filter((part) => part !== null && part !== "").join(" "),
    maxReceiveBytes: limit(options, "grpc.max_receive_message_length", DEFAULT_MAX_MESSAGE_BYTES),
    maxSendBytes: limit(options, "grpc.max_send_message_length", -1),
    gzip: algorithm === 2,
    initialBackoffMs,
    maxBackoffMs: Math.max(initialBackoffMs, number(options, "grpc.max_reconnect_backoff_ms", 10_000)),
  };
}

function text(options: GrpcChannelOptions, name: string): string | null {
  const value = options[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") throw wrong(name, value, "give a string");
  return value;
}

function number(options: GrpcChannelOptions, name: string, otherwise: number): number {
  const value = options[name] ?? otherwise;
  if (typeof value !== "number" || Number.isNaN(value)) throw wrong(name, value, "give a number");
  return value;
}

function limit(options: GrpcChannelOptions, name: string, otherwise: number): number {
  const value = number(options, name, otherwise);
  return value < 0 ? Infinity : value;
}

function wrong(name: string, value: unknown, next: string): TypeError {
  return new TypeError(`Cannot use the channel option '${name}': it is '${value}'; ${next}`);
}
