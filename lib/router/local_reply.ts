import { grpcStatusOfHttp, hasGrpcContentType } from "../formatter/grpc_status.ts";
import { encodeGrpcMessage } from "../grpc/grpc_message.ts";
import { BytesBody } from "../http/body.ts";
import type { Call } from "../http/call.ts";
import { HeaderList } from "../http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";

/** A response the mesh gives by itself. */
export interface LocalReply {
  readonly status: number;
  /** What happened and what to check, for people; or whatever bytes a filter answers with. */
  readonly body: string | Uint8Array;
  /** Envoy's `%RESPONSE_CODE_DETAILS%`, for example `no_healthy_upstream`. */
  readonly details: string;
  /** Envoy's response flag; none where absent. */
  readonly flag?: string;
  /** More headers, flat. A `content-type` among them stands. */
  readonly headers?: readonly string[];
  /** gRPC status for gRPC callers. @default {the mapping of `status`} */
  readonly grpcStatus?: number;
}

/**
 * Makes the response of a local reply and notes flag and details on the call. The one place where enmesh answers for
 * itself: callers that speak gRPC get a trailers-only response with the gRPC status of the HTTP one, as from Envoy.
 */
export function localReply(request: HttpRequest, call: Call, reply: LocalReply): HttpResponse {
  if (reply.flag !== undefined) call.addFlag(reply.flag);
  call.responseCodeDetails = reply.details;
  const headers = new HeaderList(reply.headers === undefined ? [] : reply.headers.slice());
  const bytes = typeof reply.body === "string" ? new TextEncoder().encode(reply.body) : reply.body;
  if (hasGrpcContentType(request.headers) && !call.grpcWeb) {
    const grpcStatus = reply.grpcStatus ?? grpcStatusOfHttp(reply.status);
    call.grpcStatus = grpcStatus;
    headers.set("content-type", "application/grpc");
    headers.set("grpc-status", String(grpcStatus));
    if (bytes.length > 0) headers.set("grpc-message", encodeGrpcMessage(bytes));
    return { status: 200, headers, body: null };
  }
  headers.set("content-length", String(bytes.length));
  if (bytes.length > 0 && !headers.has("content-type")) headers.append("content-type", "text/plain");
  const silent = bytes.length === 0 || request.method === "HEAD";
  return { status: reply.status, headers, body: silent ? null : new BytesBody(bytes) };
}
