import { decode, encode } from "../protobuf/registry.ts";
import { GrpcStatusError } from "./grpc_status_error.ts";
import type { GrpcServer } from "./server.ts";
import type { GrpcServerCall } from "./server_call.ts";
import { GrpcStatus } from "./status.ts";

/** Whether a service takes calls, in the words of `grpc.health.v1`. */
export type GrpcServingStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING";

/** Paths of the health service begin with it. */
export const HEALTH_PREFIX = "/grpc.health.v1.Health/";

/** Calls that watch a service which nobody has registered wait for it to come. */
const UNREGISTERED = "SERVICE_UNKNOWN";

/**
 * The service `grpc.health.v1.Health` (`doc/health-checking.md` of gRPC): `Check`, `Watch` and `List`. The empty name
 * is the server as a whole.
 *
 * States: `serving` -> `down`, for good: everything is NOT_SERVING from then on, and calls that watch end.
 */
export class GrpcHealthService {
  readonly #statuses = new Map<string, GrpcServingStatus>([["", "SERVING"]]);
  readonly #watchers = new Map<string, Set<GrpcServerCall>>();
  #down = false;

  /** Serves the three methods. */
  register(server: GrpcServer): void {
    server.handle(`${HEALTH_PREFIX}Check`, (call) => call.receiveOne((message) => this.#check(call, message)));
    server.handle(`${HEALTH_PREFIX}Watch`, (call) => call.receiveOne((message) => this.#watch(call, message)));
    server.handle(`${HEALTH_PREFIX}List`, (call) => call.receiveOne(() => this.#list(call)));
  }

  /** Says how a service is; the empty name is the server as a whole. Does nothing once everything is down. */
  set(service: string, status: GrpcServingStatus): void {
    if (this.#down || this.#statuses.get(service) === status) return;
    this.#statuses.set(service, status);
    for (const call of this.#watchers.get(service) ?? []) call.post(response(status));
  }

  /** Forgets a service. */
  delete(service: string): void {
    if (this.#down || !this.#statuses.delete(service)) return;
    for (const call of this.#watchers.get(service) ?? []) call.post(response(UNREGISTERED));
  }

  /**
   * Takes everything down. Calls that watch are told and end: a server that shuts down waits for its calls, and these
   * would never end by themselves.
   */
  shutdown(): void {
    for (const service of this.#statuses.keys()) this.set(service, "NOT_SERVING");
    this.#down = true;
    for (const calls of this.#watchers.values()) {
      for (const call of calls) call.finish(new GrpcStatusError(GrpcStatus.UNAVAILABLE, "The server is shutting down"));
    }
    this.#watchers.clear();
  }

  #check(call: GrpcServerCall, message: Uint8Array): void {
    const service = serviceOf(message);
    const status = this.#statuses.get(service);
    if (status === undefined) throw new GrpcStatusError(GrpcStatus.NOT_FOUND, `Unknown service '${service}'`);
    call.reply(response(status));
  }

  #watch(call: GrpcServerCall, message: Uint8Array): void {
    const service = serviceOf(message);
    call.post(response(this.#statuses.get(service) ?? UNREGISTERED));
    if (this.#down) {
      return call.finish(new GrpcStatusError(GrpcStatus.UNAVAILABLE, "The server is shutting down"));
    }
    let calls = this.#watchers.get(service);
    if (calls === undefined) this.#watchers.set(service, calls = new Set());
    calls.add(call);
    call.onCancel(() => {
      calls.delete(call);
      if (calls.size === 0 && this.#watchers.get(service) === calls) this.#watchers.delete(service);
    });
  }

  #list(call: GrpcServerCall): void {
    const statuses = Object.fromEntries([...this.#statuses].map(([service, status]) => [service, { status }]));
    call.reply(encode("grpc.health.v1.HealthListResponse", { statuses }));
  }
}

function serviceOf(message: Uint8Array): string {
  try {
    return decode("grpc.health.v1.HealthCheckRequest", message).service ?? "";
  } catch {
    throw new GrpcStatusError(GrpcStatus.INTERNAL, "Error deserializing request");
  }
}

function response(status: string): Uint8Array {
  return encode("grpc.health.v1.HealthCheckResponse", { status });
}
