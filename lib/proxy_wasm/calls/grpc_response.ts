import { MeshError } from "../../errors.ts";
import { GrpcMessageReader } from "../../grpc/framing.ts";
import { decodeGrpcMessage } from "../../grpc/grpc_message.ts";
import { GrpcStatusError } from "../../grpc/grpc_status_error.ts";
import { GrpcStatus, parseGrpcStatus } from "../../grpc/status.ts";
import { HeaderList } from "../../http/header_list.ts";
import type { HttpResponse } from "../../http/message.ts";
import type { CallStatus } from "./deliver.ts";

/** The largest message where the service sets no limit. */
const MAX_MESSAGE = 32 * 1024 * 1024;

/** What happens in the course of a gRPC response, in the order of Envoy's client. */
export interface GrpcResponseEvents {
  /** The response has begun. A response that is over at once, or that never came, begins without metadata. */
  initialMetadata(response: HttpResponse): void;
  message(bytes: Uint8Array): void;
  /** Nothing but the status follows. */
  trailingMetadata(fields: HeaderList): void;
  close(status: CallStatus): void;
}

/** Statuses HTTP stands for where there is no gRPC status (gRPC's `http-grpc-status-mapping`). */
const OF_HTTP: Readonly<Record<number, number>> = {
  400: GrpcStatus.INTERNAL,
  401: GrpcStatus.UNAUTHENTICATED,
  403: GrpcStatus.PERMISSION_DENIED,
  404: GrpcStatus.UNIMPLEMENTED,
  429: GrpcStatus.UNAVAILABLE,
  502: GrpcStatus.UNAVAILABLE,
  503: GrpcStatus.UNAVAILABLE,
  504: GrpcStatus.UNAVAILABLE,
};

/**
 * Reads a gRPC response to its end and tells what comes. It always ends with `trailingMetadata` and `close`, also where
 * there was no response.
 *
 * @param sent The response.
 * @param maxMessageBytes The largest message; `null` for the usual limit.
 * @param events Told of everything.
 */
export async function readGrpcResponse(
  sent: Promise<HttpResponse>,
  maxMessageBytes: number | null,
  events: GrpcResponseEvents,
): Promise<void> {
  const end = (status: CallStatus, fields = new HeaderList()) => {
    events.trailingMetadata(fields);
    events.close(status);
  };
  let response: HttpResponse;
  try {
    response = await sent;
  } catch (error) {
    // Envoy answers in place of the upstream, in headers alone.
    events.initialMetadata(NO_HEAD);
    return end(statusOf(error, GrpcStatus.UNAVAILABLE));
  }
  const { body, headers, status } = response;
  const whole = body === null ? null : body.whole();
  const headersOnly = body === null || (whole !== null && whole.length === 0 && body.trailers === null);
  events.initialMetadata(headersOnly ? NO_HEAD : response);
  if (headersOnly && (status === 200 || headers.has("grpc-status"))) return end(statusIn(headers), headers);
  if (status !== 200) {
    body?.cancel();
    return end({ code: OF_HTTP[status] ?? GrpcStatus.UNKNOWN, message: "" });
  }
  const reader = new GrpcMessageReader(body, { maxBytes: maxMessageBytes ?? MAX_MESSAGE });
  try {
    for (let message = await reader.next(); message !== null; message = await reader.next()) events.message(message);
  } catch (error) {
    return end(statusOf(error, GrpcStatus.INTERNAL));
  }
  const trailers = body!.trailers;
  if (trailers === null) return end({ code: GrpcStatus.UNKNOWN, message: "" });
  end(statusIn(trailers), trailers);
}

function statusIn(fields: HeaderList): CallStatus {
  const status = fields.get("grpc-status");
  return {
    code: status === undefined ? GrpcStatus.UNKNOWN : parseGrpcStatus(status),
    message: bytesOf(decodeGrpcMessage(fields.get("grpc-message") ?? "")),
  };
}

function statusOf(error: unknown, usual: number): CallStatus {
  if (error instanceof GrpcStatusError) return { code: error.status, message: bytesOf(error.details) };
  if (!(error instanceof MeshError)) return { code: usual, message: "" };
  return { code: usual === GrpcStatus.UNAVAILABLE ? error.meaning.grpcStatus : usual, message: bytesOf(error.message) };
}

/** Text as a byte string of its UTF-8 form: a UTF-16 unit each byte. */
function bytesOf(text: string): string {
  // deno-lint-ignore no-control-regex -- what is ASCII is its own UTF-8 form
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

const NO_HEAD: HttpResponse = { status: 0, headers: new HeaderList(), body: null };
