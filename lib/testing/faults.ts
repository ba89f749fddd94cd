import type { IssueOptions } from "./certificate_authority.ts";
import type { GrpcStatus } from "../grpc/status.ts";

/** An answer with an error in place of the right one. */
export interface StatusFault {
  /** Name of a gRPC status code. */
  readonly status: keyof typeof GrpcStatus;
  /** What the client is told. */
  readonly message: string;
}

/** What goes wrong on purpose. Every field may be changed at any time and holds from the next event on. */
export class Faults {
  /** Close each new connection before its handshake. @default {false} */
  refuseConnections = false;
  /** Hold back each response and each certificate by that many milliseconds. @default {0} */
  delayMs = 0;
  /** Refuse certificate requests. @default {null} */
  certificateRequests: StatusFault | null = null;
  /** Refuse discovery streams. @default {null} */
  discoveryStreams: StatusFault | null = null;
  /** Issue certificates that differ from what was asked for: expired, of another name, for another use. @default {null} */
  certificates: IssueOptions | null = null;
  /** Answer certificate requests with this chain instead of a signed one. @default {null} */
  certificateChain: readonly string[] | null = null;

  /** Nothing goes wrong any more. */
  clear(): void {
    Object.assign(this, new Faults());
  }
}
