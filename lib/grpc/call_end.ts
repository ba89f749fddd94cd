import { MeshError } from "../errors.ts";
import type { Body } from "../http/body.ts";
import type { HeaderList } from "../http/header_list.ts";
import { Http2ErrorCode } from "../http/http2/error_code.ts";
import { Http2StreamReset } from "../http/http2/stream_reset.ts";
import type { HttpResponse } from "../http/message.ts";
import { decodeGrpcMessage } from "./grpc_message.ts";
import { GrpcStatusError } from "./grpc_status_error.ts";
import { grpcStatusOfHttp } from "../formatter/grpc_status.ts";
import { GrpcStatus, parseGrpcStatus } from "./status.ts";

/** How a call of a client ended. */
export interface CallEnd {
  readonly code: number;
  /** For people: of the server, or what happened and what to check. */
  readonly details: string;
  /** What the server sent with the status, flat header fields. */
  readonly fields: readonly string[];
}

/** Text of a response that is not gRPC's which is shown in the details, bytes. */
const SHOWN_BYTES = 1024;
const NONE: readonly string[] = [];

/** The end of a call by its trailers, or by the head of a response that is nothing but that. */
export function endOfTrailers(trailers: HeaderList | null): CallEnd {
  let code = -1;
  let details = "";
  const fields: string[] = [];
  const pairs = trailers?.pairs ?? NONE;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!;
    const value = pairs[i + 1]!;
    if (name === "grpc-status") code = parseGrpcStatus(value);
    else if (name === "grpc-message") details = decodeGrpcMessage(value);
    else fields.push(name, value);
  }
  if (code !== -1) return { code, details, fields };
  // An answer without a status is not OK, whatever it held (PROTOCOL-HTTP2.md, Responses).
  return { code: GrpcStatus.UNKNOWN, details: "The response ended without grpc-status", fields };
}

/** The end of a call by what the transport or the framing failed with. */
export function endOfError(error: unknown): CallEnd {
  if (error instanceof GrpcStatusError) return { code: error.status, details: error.details, fields: NONE };
  if (!(error instanceof MeshError)) {
    const details = error instanceof Error ? error.message : String(error);
    return { code: GrpcStatus.UNKNOWN, details, fields: NONE };
  }
  const { cause } = error;
  let code = error.meaning.grpcStatus;
  if (cause instanceof Http2StreamReset) code = grpcStatusOfReset(cause.errorCode);
  else if (error.code === "UPSTREAM_PROTOCOL_ERROR") code = GrpcStatus.INTERNAL;
  return { code, details: error.message, fields: NONE };
}

/** The end of a call whose answer is plain HTTP: an error page, a proxy's reply. Reads the beginning of it. */
export async function endOfHttp({ status, headers, body }: HttpResponse): Promise<CallEnd> {
  const type = headers.get("content-type") ?? "";
  const what = status === 200 ? `Received '${type}' instead of gRPC` : `Received HTTP status code ${status}`;
  let text = "";
  if (/^(?:text\/|application\/json)/.test(type) && body !== null) text = await beginning(body);
  else body?.cancel();
  return { code: grpcStatusOfHttp(status), details: text === "" ? what : `${what}: ${text}`, fields: headers.pairs };
}

/** The meaning of RST_STREAM's codes (`doc/PROTOCOL-HTTP2.md`, HTTP2 Transport Mapping, Errors). */
export function grpcStatusOfReset(errorCode: number): number {
  switch (errorCode) {
    case Http2ErrorCode.REFUSED_STREAM:
      return GrpcStatus.UNAVAILABLE;
    case Http2ErrorCode.CANCEL:
      return GrpcStatus.CANCELLED;
    case Http2ErrorCode.ENHANCE_YOUR_CALM:
      return GrpcStatus.RESOURCE_EXHAUSTED;
    case Http2ErrorCode.INADEQUATE_SECURITY:
      return GrpcStatus.PERMISSION_DENIED;
    default:
      return GrpcStatus.INTERNAL;
  }
}

async function beginning(body: Body): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= SHOWN_BYTES) {
        body.cancel();
        return `${text.slice(0, SHOWN_BYTES)}…`;
      }
    }
  } catch {
    // The status says enough; the text was a help for people.
  }
  return text.trim();
}
