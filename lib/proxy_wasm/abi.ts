/**
 * Numbers of the Proxy-Wasm binary interface, the same in versions 0.1.0, 0.2.0 and 0.2.1.
 *
 * @see https://github.com/proxy-wasm/spec
 * @module
 */

/** What a host function answers. */
export const Status = {
  OK: 0,
  NOT_FOUND: 1,
  BAD_ARGUMENT: 2,
  SERIALIZATION_FAILURE: 3,
  PARSE_FAILURE: 4,
  INVALID_MEMORY_ACCESS: 6,
  EMPTY: 7,
  CAS_MISMATCH: 8,
  INTERNAL_FAILURE: 10,
  BROKEN_CONNECTION: 11,
  UNIMPLEMENTED: 12,
} as const;

/** A number of {@linkcode Status}. */
export type StatusCode = typeof Status[keyof typeof Status];

/** Buffers a module can name. */
export const BufferType = {
  HTTP_REQUEST_BODY: 0,
  HTTP_RESPONSE_BODY: 1,
  DOWNSTREAM_DATA: 2,
  UPSTREAM_DATA: 3,
  HTTP_CALL_RESPONSE_BODY: 4,
  GRPC_CALL_MESSAGE: 5,
  VM_CONFIGURATION: 6,
  PLUGIN_CONFIGURATION: 7,
  CALL_DATA: 8,
} as const;

/** Header maps a module can name. */
export const MapType = {
  HTTP_REQUEST_HEADERS: 0,
  HTTP_REQUEST_TRAILERS: 1,
  HTTP_RESPONSE_HEADERS: 2,
  HTTP_RESPONSE_TRAILERS: 3,
  GRPC_CALL_INITIAL_METADATA: 4,
  GRPC_CALL_TRAILING_METADATA: 5,
  HTTP_CALL_RESPONSE_HEADERS: 6,
  HTTP_CALL_RESPONSE_TRAILERS: 7,
} as const;

/** Directions a module can continue or close. */
export const StreamType = { HTTP_REQUEST: 0, HTTP_RESPONSE: 1, DOWNSTREAM: 2, UPSTREAM: 3 } as const;

/** Kinds of metrics a module can define. */
export const MetricType = { COUNTER: 0, GAUGE: 1, HISTOGRAM: 2 } as const;

/** Who closed a connection. */
export const PeerType = { UNKNOWN: 0, LOCAL: 1, REMOTE: 2 } as const;

/** What a callback with headers answers. Other numbers stop as `STOP_ALL_ITERATION_AND_WATERMARK` does. */
export const HeadersAction = {
  CONTINUE: 0,
  STOP_ITERATION: 1,
  CONTINUE_AND_END_STREAM: 2,
  STOP_ALL_ITERATION_AND_BUFFER: 3,
  STOP_ALL_ITERATION_AND_WATERMARK: 4,
} as const;

/** What a callback with content answers. Other numbers stop as `STOP_ITERATION_NO_BUFFER` does. */
export const DataAction = {
  CONTINUE: 0,
  STOP_ITERATION_AND_BUFFER: 1,
  STOP_ITERATION_AND_WATERMARK: 2,
  STOP_ITERATION_NO_BUFFER: 3,
} as const;

/** What a callback with trailers answers. */
export const TrailersAction = { CONTINUE: 0, STOP_ITERATION: 1 } as const;

/** A version of the interface, by what a module exports. */
export type AbiVersion = "0.1.0" | "0.2.0" | "0.2.1";

/** Exports by which a module says its version; none of them means that it is no Proxy-Wasm module. */
export const ABI_MARKERS: ReadonlyMap<string, AbiVersion> = new Map([
  ["proxy_abi_version_0_1_0", "0.1.0"],
  ["proxy_abi_version_0_2_0", "0.2.0"],
  ["proxy_abi_version_0_2_1", "0.2.1"],
]);
