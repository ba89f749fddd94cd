/**
 * Channels to the control plane (istiod's discovery service and certificate authority) over `@grpc/grpc-js`: the one
 * place that knows that library's quirks under Deno.
 *
 * - It is imported when the first channel is opened: its import reads environment variables and throws without the
 *   permission, and a mesh that is switched off should not pay for it.
 * - Names are resolved by the runtime when the socket connects, so that `--allow-net=istiod.istio-system.svc:15012`
 *   suffices; the library's own resolver asks for more.
 * - Its reconnect timer is kept at one millisecond, because who holds the channel retries.
 * - It leaves timers behind when it is closed without a connection: `close` waits for them, after it nothing is left.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import type * as Grpc from "@grpc/grpc-js";
import { MeshError } from "../errors.ts";
import { systemClock } from "../internal/clock.ts";
import type { HandleRegistry } from "../transport/handle_registry.ts";
import type { TlsCertificate } from "../transport/secret_provider.ts";

/** The library, once loaded. */
export type GrpcLibrary = typeof Grpc;

/** Environment variables that `@grpc/grpc-js` reads when it is loaded. */
export const GRPC_VARIABLES: readonly string[] = [
  "GRPC_NODE_VERBOSITY",
  "GRPC_VERBOSITY",
  "GRPC_NODE_TRACE",
  "GRPC_TRACE",
  "GRPC_SSL_CIPHER_SUITES",
  "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
  "GRPC_NODE_USE_ALTERNATIVE_RESOLVER",
  "GRPC_NODE_DEBUG_SEND_ERROR_DETAILS",
  "GRPC_EXPERIMENTAL_ENABLE_OUTLIER_DETECTION",
];

/** TLS towards the control plane. */
export interface ControlChannelTls {
  /** Trusted roots, PEM; `null` trusts the roots of the system (`XDS_ROOT_CA=SYSTEM`). */
  readonly roots: string | null;
  /** DNS name that must be in the server's certificate; also sent as SNI. */
  readonly serverName: string;
  /** Our certificate, `null` where we have none yet. */
  readonly certificate: Pick<TlsCertificate, "chain" | "key"> | null;
}

/** Settings of {@linkcode openControlChannel}. */
export interface ControlChannelOptions {
  readonly hostname: string;
  readonly port: number;
  /** `null` speaks plaintext: only where the user has configured it. */
  readonly tls: ControlChannelTls | null;
  /**
   * Largest message accepted, in bytes. istiod sends a mesh of ten thousand services as one message of 18 MB.
   * @default {268435456}
   */
  readonly maxReceiveBytes?: number;
  /** Counts the channel until it is closed. */
  readonly registry: HandleRegistry;
}

/**
 * A channel to the control plane, for one stream or one call: it connects with the first call. Close it as soon as that
 * has failed; who tries again opens another, after a delay of his own (while open it reconnects without any).
 */
export interface ControlChannel {
  /** The library, for its `Metadata` and constants. */
  readonly grpc: GrpcLibrary;
  /** Makes calls by path and serializers. */
  readonly client: Grpc.Client;
  /**
   * Ends the connection; resolves when sockets and timers are gone, while connecting after a quarter of a second at
   * most. Cancel calls in progress before: they would go on until then.
   */
  close(): Promise<void>;
}

const MAX_RECEIVE_BYTES = 256 * 1024 * 1024;
/** istiod's enforcement policy allows a ping every 15 seconds; pilot-agent sends one every 30. */
const KEEPALIVE_TIME_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** The default window of 64 KiB costs a round trip per 64 KiB of configuration. */
const FLOW_CONTROL_WINDOW = 4 * 1024 * 1024;
/** Turns of the event loop after which a closed session has cleared its timers (two were seen to suffice). */
const CLOSING_TURNS = 8;
/** Bounds of the library's reconnect timer: the least it can be set to, and the jitter it adds. */
const RECONNECT_MS = 1;
const RECONNECT_AT_MOST_MS = 2 * RECONNECT_MS;
/** A timer of the library (happy eyeballs) that runs while it connects and that closing it does not clear. */
const CONNECTING_TIMER_MS = 250;
const SCHEME = "enmesh";

/**
 * Loads `@grpc/grpc-js`.
 *
 * @throws {MeshError} `PERMISSION_MISSING` naming the flag, when the library may not read its environment variables.
 */
export async function loadGrpc(): Promise<GrpcLibrary> {
  let grpc: GrpcLibrary;
  try {
    grpc = await import("@grpc/grpc-js");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new MeshError(
      "PERMISSION_MISSING",
      "Cannot load '@grpc/grpc-js': it may not read its environment variables",
      {
        cause: error,
        problems: [{
          subject: "environment",
          message: error.message,
          hint: `Run with --allow-env=${GRPC_VARIABLES.join(",")}`,
        }],
      },
    );
  }
  registerResolver(grpc);
  return grpc;
}

/**
 * Hands the host name on to the socket as it is. It does so once: the library asks again after each failed connection,
 * and the same answer at once would keep it asking for ever, without a turn of the event loop.
 */
function registerResolver(grpc: GrpcLibrary): void {
  const { registerResolver, statusOrFromValue } = grpc.experimental;
  registerResolver(
    SCHEME,
    class {
      readonly #publish: () => void;
      #published = false;

      static getDefaultAuthority(target: { path: string }): string {
        return target.path;
      }

      constructor(target: { path: string }, listener: Grpc.experimental.ResolverListener) {
        const colon = target.path.lastIndexOf(":");
        const host = target.path.slice(0, colon).replace(/^\[|\]$/g, "");
        const port = Number(target.path.slice(colon + 1));
        this.#publish = () => {
          if (this.#published) listener(statusOrFromValue([{ addresses: [{ host, port }] }]), {}, null, "");
        };
      }

      updateResolution(): void {
        if (this.#published) return;
        this.#published = true;
        queueMicrotask(this.#publish);
      }

      destroy(): void {
        this.#published = false;
      }
    },
  );
}

/**
 * Opens a channel to the control plane.
 *
 * @throws {MeshError} `PERMISSION_MISSING` when the library may not be loaded, `CONFIG_INVALID` when the roots or our
 * certificate cannot be used.
 */
export async function openControlChannel(options: ControlChannelOptions): Promise<ControlChannel> {
  const grpc = await loadGrpc();
  const { tls } = options;
  const host = options.hostname.includes(":") ? `[${options.hostname}]` : options.hostname;
  const client = new grpc.Client(`${SCHEME}:${host}:${options.port}`, credentials(grpc, tls), {
    ...(tls === null ? {} : { "grpc.ssl_target_name_override": tls.serverName }),
    "grpc.default_authority": tls?.serverName ?? `${host}:${options.port}`,
    "grpc.max_receive_message_length": options.maxReceiveBytes ?? MAX_RECEIVE_BYTES,
    "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.initial_reconnect_backoff_ms": RECONNECT_MS,
    "grpc.max_reconnect_backoff_ms": RECONNECT_MS,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_http_proxy": 0,
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    "grpc-node.flow_control_window": FLOW_CONTROL_WINDOW,
  });
  options.registry.opened("channel");
  let closing: Promise<void> | null = null;
  const close = async () => {
    const { READY, CONNECTING } = grpc.connectivityState;
    const channel = client.getChannel();
    if (channel.getConnectivityState(false) === CONNECTING) {
      // The end of the attempt clears its timer; after that time the timer has fired.
      await new Promise<unknown>((resolve) =>
        channel.watchConnectivityState(CONNECTING, systemClock.now() + CONNECTING_TIMER_MS, resolve)
      );
    }
    const ready = channel.getConnectivityState(false) === READY;
    client.close();
    for (let turn = 0; turn < CLOSING_TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    // A failed attempt has a reconnect timer, a connection has none. A timer set later and as long fires later.
    if (!ready) await new Promise<void>((resolve) => systemClock.timer(RECONNECT_AT_MOST_MS, resolve, { ref: true }));
    options.registry.closed("channel");
  };
  return { grpc, client, close: () => closing ??= close() };
}

function credentials(grpc: GrpcLibrary, tls: ControlChannelTls | null): Grpc.ChannelCredentials {
  if (tls === null) return grpc.credentials.createInsecure();
  const buffer = (pem: string | undefined) => pem === undefined ? null : Buffer.from(pem);
  try {
    return grpc.credentials.createSsl(
      buffer(tls.roots ?? undefined),
      buffer(tls.certificate?.key),
      buffer(tls.certificate?.chain),
    );
  } catch (error) {
    throw new MeshError("CONFIG_INVALID", "Cannot prepare TLS to the control plane: a certificate is not valid PEM", {
      cause: error,
    });
  }
}
