/** An answer that a module gives by itself (`proxy_send_local_response`). */
export interface LocalResponse {
  readonly status: number;
  /** Envoy's `%RESPONSE_CODE_DETAILS%`. */
  readonly details: string;
  readonly body: Uint8Array;
  /** More headers, flat. */
  readonly headers: readonly string[];
  /** 0 to 16; `null` for none. */
  readonly grpcStatus: number | null;
}
