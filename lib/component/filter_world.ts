/**
 * The types of `filters/wit/filter.wit` as jco has them in JavaScript.
 *
 * @module
 */

/** A header field: the name in lower case, the value in bytes. */
export type Field = [name: string, value: Uint8Array];

/** `request-head`. */
export interface RequestHead {
  method: string;
  scheme: string;
  authority: string;
  path: string;
  headers: Field[];
  endOfStream: boolean;
}

/** `response-head`. */
export interface ResponseHead {
  status: number;
  headers: Field[];
  endOfStream: boolean;
}

/** `change`. */
export type Change = { tag: "set" | "append"; val: Field } | { tag: "remove"; val: string };

/** `local-response`. */
export interface LocalResponse {
  status: number;
  headers: Field[];
  body: Uint8Array;
}

/** `action`. */
export type Action = { tag: "proceed"; val: Change[] } | { tag: "respond"; val: LocalResponse };

/** `chunk-action`. */
export type ChunkAction = { tag: "pass" } | { tag: "replace"; val: Uint8Array };

/** `error`. */
export type FilterError = { tag: "invalid-configuration" | "malformed" | "internal"; val: string };

/** `value`. */
export type Value =
  | { tag: "text"; val: string }
  | { tag: "bytes"; val: Uint8Array }
  | { tag: "number"; val: bigint }
  | { tag: "truth"; val: boolean };

/** `level` of the interface `host`. */
export type Level = "debug" | "info" | "warning" | "error";

/** The interface `host`, which components import. */
export interface HostInterface {
  log(level: Level, message: string): void;
  property(name: string): Value | undefined;
}

/** The interface `handler`; results that are errors are thrown. */
export interface HandlerInterface {
  configure(configuration: Uint8Array): void;
  onRequest(call: number, head: RequestHead): Action;
  onResponse(call: number, head: ResponseHead): Action;
}

/** The interface `bodies`; results that are errors are thrown. */
export interface BodiesInterface {
  onRequestBody(call: number, chunk: Uint8Array, endOfStream: boolean): ChunkAction;
  onResponseBody(call: number, chunk: Uint8Array, endOfStream: boolean): ChunkAction;
  onDone(call: number): void;
}

/** What an instance exports. */
export interface FilterExports {
  readonly handler: HandlerInterface;
  readonly bodies?: BodiesInterface;
}
