import { frameMessage, GRPC_PREFIX_BYTES } from "../grpc/framing.ts";
import { BytesBody } from "../http/body.ts";
import { HeaderList } from "../http/header_list.ts";
import { decode, encode } from "../protobuf/registry.ts";
import type { CheckResult } from "./health_check_state.ts";
import { BAD_ANSWER, GOOD_ANSWER, type HealthProbe, NETWORK_FAILURE } from "./health_probe.ts";
import type { HealthAnswer, HealthRequests } from "./health_request.ts";

/** An answer is a few bytes; more is not one. */
const MAX_ANSWER_BYTES = 4096;

/** What a {@linkcode GrpcHealthProbe} works with. */
export interface GrpcHealthProbeOptions {
  /** Service asked for; empty for the server as a whole. */
  readonly serviceName: string;
  readonly authority: string;
  /** Whether the host is spoken to in TLS. */
  readonly secure: boolean;
  /** Milliseconds, told to the server as the call's deadline. */
  readonly timeoutMs: number;
  readonly requests: HealthRequests;
  readonly changeHeaders: (headers: HeaderList) => void;
}

/** A call of `grpc.health.v1.Health/Check` that has to be answered with SERVING. */
export class GrpcHealthProbe implements HealthProbe {
  readonly #options: GrpcHealthProbeOptions;
  readonly #message: Uint8Array;

  /** @param options What to ask. */
  constructor(options: GrpcHealthProbeOptions) {
    this.#options = options;
    const { serviceName } = options;
    this.#message = frameMessage(
      encode("grpc.health.v1.HealthCheckRequest", serviceName === "" ? {} : { service: serviceName }),
    );
  }

  async check(signal: AbortSignal): Promise<CheckResult> {
    const { authority, secure, timeoutMs, requests, changeHeaders } = this.#options;
    const headers = new HeaderList([
      ...["te", "trailers"],
      ...["content-type", "application/grpc"],
      ...["user-agent", "Envoy/HC"],
    ]);
    changeHeaders(headers);
    headers.set("grpc-timeout", `${timeoutMs}m`);
    try {
      const answer = await requests.send(
        {
          method: "POST",
          scheme: secure ? "https" : "http",
          authority,
          path: "/grpc.health.v1.Health/Check",
          headers,
          body: new BytesBody(this.#message),
          protocol: "HTTP/2",
        },
        MAX_ANSWER_BYTES,
        signal,
      );
      return isServing(answer) ? GOOD_ANSWER : BAD_ANSWER;
    } catch {
      return NETWORK_FAILURE;
    }
  }

  close(): void {
    this.#options.requests.close();
  }
}

function isServing({ response, content }: HealthAnswer): boolean {
  const { status, headers, body } = response;
  if (status !== 200 || !headers.get("content-type")?.startsWith("application/grpc")) return false;
  if ((body?.trailers?.get("grpc-status") ?? headers.get("grpc-status")) !== "0") return false;
  const length = content.length - GRPC_PREFIX_BYTES;
  // Exactly one message, not packed.
  if (length <= 0 || content[0] !== 0 || new DataView(content.buffer, content.byteOffset).getUint32(1) !== length) {
    return false;
  }
  try {
    const message = decode("grpc.health.v1.HealthCheckResponse", content.subarray(GRPC_PREFIX_BYTES));
    return message.status === "SERVING";
  } catch {
    return false;
  }
}
