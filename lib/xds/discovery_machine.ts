import type { EnvoyConfigCoreV3Node } from "../protobuf/gen/messages.ts";
import type { ResourceError, ResourceUpdate } from "./resource_sink.ts";

/** Identifies a response until its outcome is known. */
export interface Ticket {
  readonly typeUrl: string;
  readonly nonce: string;
  /** The stream it came on; an outcome that comes after that stream has ended answers nobody. */
  readonly stream: number;
}

/** What a response means: an update to apply, or nothing, with the reason. */
export type Received =
  | {
    readonly kind: "update";
    readonly ticket: Ticket;
    readonly update: ResourceUpdate;
    /** Resources that could not even be named or unwrapped; part of the NACK. */
    readonly errors: readonly ResourceError[];
  }
  | { readonly kind: "ignored"; readonly reason: string };

/**
 * A discovery protocol without its wire: events in, requests out. Requests are to be sent in the order returned.
 *
 * Stream: CLOSED -`opened`-> OPEN -`closed`-> CLOSED. Types, on an open stream: UNREQUESTED -(wanted)-> REQUESTED
 * -(first response)-> ANSWERED; `closed` takes every type back to UNREQUESTED, what is held stays.
 */
export interface DiscoveryMachine<Request, Response> {
  /** A stream has opened: declares what is wanted. The node goes into the first request of the stream. */
  opened(node: EnvoyConfigCoreV3Node): Request[];
  /** A response has arrived. Every `update` is to be answered by exactly one `applied`. */
  received(response: Response): Received;
  /** The outcome of a response: acknowledges or refuses it, then subscribes to what it made wanted. */
  applied(ticket: Ticket, errors: readonly ResourceError[]): Request[];
  /** What is wanted has changed. */
  changed(): Request[];
  /** The stream has ended. */
  closed(): void;
}
