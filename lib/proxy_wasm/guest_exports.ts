import type { GuestFunction, WasmInstance } from "./runtime/runtime.ts";

/** The functions of a module that the host calls; `null` for those it does not have. */
export interface GuestExports {
  readonly onContextCreate: GuestFunction | null;
  readonly onVmStart: GuestFunction | null;
  readonly onConfigure: GuestFunction | null;
  readonly onTick: GuestFunction | null;
  readonly onRequestHeaders: GuestFunction | null;
  readonly onRequestBody: GuestFunction | null;
  readonly onRequestTrailers: GuestFunction | null;
  readonly onResponseHeaders: GuestFunction | null;
  readonly onResponseBody: GuestFunction | null;
  readonly onResponseTrailers: GuestFunction | null;
  readonly onNewConnection: GuestFunction | null;
  readonly onDownstreamData: GuestFunction | null;
  readonly onUpstreamData: GuestFunction | null;
  readonly onDownstreamConnectionClose: GuestFunction | null;
  readonly onUpstreamConnectionClose: GuestFunction | null;
  readonly onHttpCallResponse: GuestFunction | null;
  readonly onGrpcReceiveInitialMetadata: GuestFunction | null;
  readonly onGrpcReceive: GuestFunction | null;
  readonly onGrpcReceiveTrailingMetadata: GuestFunction | null;
  readonly onGrpcClose: GuestFunction | null;
  readonly onQueueReady: GuestFunction | null;
  readonly onForeignFunction: GuestFunction | null;
  readonly onDone: GuestFunction | null;
  readonly onLog: GuestFunction | null;
  readonly onDelete: GuestFunction | null;
}

/** A module without functions: what is left of a VM that is closed. */
export const NO_EXPORTS: GuestExports = guestExports({ function: () => null }, null);

/**
 * Looks up the functions the host calls, once for each instance.
 *
 * @param instance The instance.
 * @param capabilities Names it may use; `null` for all.
 */
export function guestExports(
  instance: Pick<WasmInstance, "function">,
  capabilities: ReadonlySet<string> | null,
): GuestExports {
  const find = (name: string) => capabilities === null || capabilities.has(name) ? instance.function(name) : null;
  return {
    onContextCreate: find("proxy_on_context_create"),
    onVmStart: find("proxy_on_vm_start"),
    onConfigure: find("proxy_on_configure"),
    onTick: find("proxy_on_tick"),
    onRequestHeaders: find("proxy_on_request_headers"),
    onRequestBody: find("proxy_on_request_body"),
    onRequestTrailers: find("proxy_on_request_trailers"),
    onResponseHeaders: find("proxy_on_response_headers"),
    onResponseBody: find("proxy_on_response_body"),
    onResponseTrailers: find("proxy_on_response_trailers"),
    onNewConnection: find("proxy_on_new_connection"),
    onDownstreamData: find("proxy_on_downstream_data"),
    onUpstreamData: find("proxy_on_upstream_data"),
    onDownstreamConnectionClose: find("proxy_on_downstream_connection_close"),
    onUpstreamConnectionClose: find("proxy_on_upstream_connection_close"),
    onHttpCallResponse: find("proxy_on_http_call_response"),
    onGrpcReceiveInitialMetadata: find("proxy_on_grpc_receive_initial_metadata"),
    onGrpcReceive: find("proxy_on_grpc_receive"),
    onGrpcReceiveTrailingMetadata: find("proxy_on_grpc_receive_trailing_metadata"),
    onGrpcClose: find("proxy_on_grpc_close"),
    onQueueReady: find("proxy_on_queue_ready"),
    onForeignFunction: find("proxy_on_foreign_function"),
    onDone: find("proxy_on_done"),
    onLog: find("proxy_on_log"),
    onDelete: find("proxy_on_delete"),
  };
}
