import type { Answer } from "./outcome.ts";

/** A request with everything that goes on the wire. */
export interface SentRequest {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** Without `host` and `content-length`. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** `null` for none. */
  readonly body: string | null;
  /** Content without a length, in place of `body`. */
  readonly chunks?: readonly string[];
  /** Trailers after `chunks`. */
  readonly trailers?: readonly (readonly [name: string, value: string])[];
  /** Settles when a chunk may be sent; at once where there is none. */
  readonly gate?: (chunk: number) => Promise<void>;
  /** See `CaseRequest.http2`. */
  readonly http2: boolean;
  /** See `CaseRequest.webSocket`; `null` for an ordinary request. */
  readonly webSocket: string | null;
}

/** Milliseconds after which a side is taken to hang: a case then has `null` for an answer. */
export const PATIENCE_MS = 5_000;

/** One of the two that are compared, with the listeners of all cases. */
export interface Side extends AsyncDisposable {
  /** First letter of the ids of its requests. */
  readonly letter: string;
  /** Port of the listener of a case; `null` where the configuration was refused. */
  port(index: number): number | null;
  /** Why the configuration of a case was refused; empty where it was not. */
  refusal(index: number): string;
  /** Everything it has logged so far. */
  log(): string;
  /** Sends a request to the listener of a case; `null` where the connection ends without an answer. */
  send(index: number, request: SentRequest): Promise<Answer | null>;
}
