import { GrpcStatusError } from "../../grpc/grpc_status_error.ts";
import { GrpcStatus } from "../../grpc/status.ts";
import type { Clock, Timer } from "../../internal/clock.ts";
import type { Faults } from "../faults.ts";
import type { ServiceAccountIdentity } from "../tokens.ts";
import { type AdsProtocol, DiscoveryConnection, type Nack, type ResourceSource } from "./connection.ts";

/** The client's side of a stream. */
export interface StreamOutput {
  send(message: Uint8Array): void;
  /** Ends the stream with a status. */
  fail(error: GrpcStatusError): void;
}

/** What a stream reports. */
export interface StreamOwner {
  readonly source: ResourceSource;
  readonly clock: Clock;
  readonly faults: Faults;
  nacked(nack: Nack): void;
  changed(): void;
  closed(): void;
}

/** One open stream: its state machine, and the delay that {@linkcode Faults} may put before its responses. */
export class DiscoveryStream {
  readonly connection: DiscoveryConnection;
  readonly #output: StreamOutput;
  readonly #owner: StreamOwner;
  readonly #delayed = new Set<Timer>();
  #open = true;

  /** @param output Where responses go. @param owner The service. */
  constructor(
    protocol: AdsProtocol,
    identity: ServiceAccountIdentity,
    output: StreamOutput,
    owner: StreamOwner,
  ) {
    this.#output = output;
    this.#owner = owner;
    this.connection = new DiscoveryConnection(protocol, identity, {
      source: owner.source,
      send: (message) => this.#send(message),
      nacked: (nack) => owner.nacked(nack),
    });
  }

  /** Whether the client has answered everything. */
  get settled(): boolean {
    return this.#delayed.size === 0 && this.connection.settled;
  }

  /** Takes a request. */
  receive(message: Uint8Array): void {
    this.act((connection) => connection.receive(message));
    this.#owner.changed();
  }

  /** Lets the connection do something; what it throws ends the stream. */
  act(action: (connection: DiscoveryConnection) => void): void {
    if (!this.#open) return;
    try {
      action(this.connection);
    } catch (error) {
      this.fail(
        error instanceof GrpcStatusError ? error : new GrpcStatusError(GrpcStatus.INTERNAL, (error as Error).message),
      );
    }
  }

  /** Ends the stream with a status. */
  fail(error: GrpcStatusError): void {
    if (!this.#open) return;
    this.close();
    this.#output.fail(error);
  }

  /** The client is gone, or will be. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const timer of this.#delayed) timer.cancel();
    this.#delayed.clear();
    this.#owner.closed();
    this.#owner.changed();
  }

  #send(message: Uint8Array): void {
    const { delayMs } = this.#owner.faults;
    if (delayMs <= 0 && this.#delayed.size === 0) return this.#output.send(message);
    const timer = this.#owner.clock.timer(delayMs, () => {
      this.#delayed.delete(timer);
      this.#output.send(message);
    });
    this.#delayed.add(timer);
  }
}
