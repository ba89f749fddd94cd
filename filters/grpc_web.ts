import { grpcStatusOfHttp, hasGrpcContentType } from "../lib/formatter/grpc_status.ts";
import { GrpcWebRequestBody, latin1 } from "../lib/filter/grpc_web_request_body.ts";
import { GrpcWebResponseBody } from "../lib/filter/grpc_web_response_body.ts";
import type { HttpFilterType } from "../lib/filter/http_filter.ts";
import { localReplyLayer } from "../lib/filter/local_reply_layer.ts";
import { encodeGrpcMessage } from "../lib/grpc/grpc_message.ts";
import { type Body, BytesBody } from "../lib/http/body.ts";
import type { Call } from "../lib/http/call.ts";
import type { HttpRequest, HttpResponse } from "../lib/http/message.ts";
import { decodeBase64 } from "../lib/internal/base64.ts";
import { decode } from "../lib/protobuf/registry.ts";
import { localReply } from "../lib/router/local_reply.ts";

const CONFIG = "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb";
const BINARY = ["application/grpc-web", "application/grpc-web+proto"];
const TEXT = ["application/grpc-web-text", "application/grpc-web-text+proto"];
/** Most of an answer that is no gRPC which `grpc-message` repeats, bytes. */
const MAX_MESSAGE_BYTES = 16_384;

/**
 * `envoy.filters.http.grpc_web`: callers that speak gRPC-Web, as browsers do, reach services that speak gRPC. What Istio
 * puts into the chains of ports of protocol `GRPC-Web`. Other requests pass untouched.
 */
export const grpcWebFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes) {
    decode(CONFIG, bytes);
    return {
      create(context) {
        // What is refused below becomes an answer here, for it has to become one to gRPC-Web.
        const answered = localReplyLayer(context);
        return function grpcWeb(next) {
          const send = answered(next);
          return (request, call) => {
            const type = request.headers.get("content-type") ?? "";
            if (!BINARY.includes(type) && !TEXT.includes(type)) return next(request, call);
            return bridge(request, call, TEXT.includes(type), send);
          };
        };
      },
    };
  },
};

async function bridge(
  request: HttpRequest,
  call: Call,
  text: boolean,
  send: (request: HttpRequest, call: Call) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const { headers } = request;
  const textAnswer = TEXT.includes(headers.get("accept") ?? "");
  call.grpcWeb = true;
  headers.delete("content-length");
  headers.set("content-type", "application/grpc");
  headers.set("te", "trailers");
  if (!headers.has("grpc-accept-encoding")) headers.append("grpc-accept-encoding", "identity");
  const body = text ? decoded(request.body) : null;
  if (body === "invalid") return await encode(notBase64(request, call), call, textAnswer);
  if (body !== null) request.body = body;
  let response = await send(request, call);
  if (body instanceof GrpcWebRequestBody && body.invalid) {
    response.body?.cancel();
    response = notBase64(request, call);
  }
  return await encode(response, call, textAnswer);
}

/** The content the text stands for; `null` where there is none. */
function decoded(body: Body | null): Body | null | "invalid" {
  const whole = body?.whole() ?? null;
  if (body === null || whole === null) return body === null ? null : new GrpcWebRequestBody(body);
  body.cancel();
  const bytes = decodeBase64(latin1(whole));
  return bytes === null ? "invalid" : new BytesBody(bytes);
}

function notBase64(request: HttpRequest, call: Call): HttpResponse {
  return call.response = localReply(request, call, {
    status: 400,
    details: "grpc_base_64_decode_failed",
    body: "Bad gRPC-web request, invalid base64 data.",
  });
}

/** The response as the caller understands it. What is no gRPC at all is told in `grpc-message`, under its status. */
async function encode(response: HttpResponse, call: Call, text: boolean): Promise<HttpResponse> {
  const { headers, body } = response;
  const understood = isUnderstood(response);
  headers.delete("content-length");
  headers.set("content-type", text ? TEXT[1]! : BINARY[1]!);
  if (body === null) return response;
  if (understood) {
    response.body = new GrpcWebResponseBody(body, text);
    return response;
  }
  headers.set("grpc-message", encodeGrpcMessage(new TextDecoder().decode(await readStart(body))));
  call.grpcStatus = grpcStatusOfHttp(response.status);
  headers.set("grpc-status", String(call.grpcStatus));
  response.body = null;
  return response;
}

function isUnderstood({ status, headers }: HttpResponse): boolean {
  if (status !== 200) return false;
  const type = (headers.get("content-type") ?? "").split(";", 1)[0]!.trimEnd().toLowerCase();
  return hasGrpcContentType(headers) || BINARY.includes(type);
}

async function readStart(body: Body): Promise<Uint8Array> {
  const start = new Uint8Array(MAX_MESSAGE_BYTES);
  let length = 0;
  for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) {
    const part = chunk.subarray(0, MAX_MESSAGE_BYTES - length);
    start.set(part, length);
    length += part.length;
    if (length < MAX_MESSAGE_BYTES) continue;
    body.cancel();
    break;
  }
  return start.subarray(0, length);
}
