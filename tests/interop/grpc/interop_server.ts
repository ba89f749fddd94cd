/** What a server of gRPC's interop tests has to do, as handlers for grpc-js. Runs in Deno and in Node. */
import type {
  Metadata,
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
} from "@grpc/grpc-js";
import { ECHO } from "./test_service.ts";
import type {
  EchoStatus,
  Empty,
  InputRequest,
  InputResponse,
  OutputRequest,
  PayloadResponse,
  SimpleRequest,
} from "./test_service.ts";

type Output = ServerWritableStream<OutputRequest, PayloadResponse> | ServerDuplexStream<OutputRequest, PayloadResponse>;

/** Handlers by method name; `newMetadata` makes metadata of the grpc-js that the server belongs to. */
export function interopServer(newMetadata: () => Metadata) {
  /** Sends the headers a caller asked for, returns the trailers it asked for. */
  const echo = (call: { metadata: Metadata; sendMetadata(metadata: Metadata): void }): Metadata => {
    const initial = call.metadata.get(ECHO.initial);
    if (initial.length > 0) {
      const headers = newMetadata();
      headers.add(ECHO.initial, initial[0]!);
      call.sendMetadata(headers);
    }
    const trailers = newMetadata();
    for (const value of call.metadata.get(ECHO.trailing)) trailers.add(ECHO.trailing, value);
    return trailers;
  };
  const send = async (call: Output, request: OutputRequest) => {
    for (const { size, intervalUs = 0 } of request.responseParameters ?? []) {
      if (intervalUs > 0) await new Promise((resolve) => setTimeout(resolve, intervalUs / 1000));
      if (call.cancelled) return;
      call.write({ payload: { body: new Uint8Array(size) } });
    }
  };
  return {
    EmptyCall(_call: ServerUnaryCall<Empty, Empty>, answer: sendUnaryData<Empty>): void {
      answer(null, {});
    },

    UnaryCall(
      call: ServerUnaryCall<SimpleRequest, PayloadResponse>,
      answer: sendUnaryData<PayloadResponse>,
    ): void {
      const trailers = echo(call);
      const status = asked(call.request.responseStatus);
      if (status !== null) return answer({ ...status, metadata: trailers });
      answer(null, { payload: { body: new Uint8Array(call.request.responseSize ?? 0) } }, trailers);
    },

    async StreamingOutputCall(call: ServerWritableStream<OutputRequest, PayloadResponse>): Promise<void> {
      await send(call, call.request);
      call.end();
    },

    StreamingInputCall(
      call: ServerReadableStream<InputRequest, InputResponse>,
      answer: sendUnaryData<InputResponse>,
    ): void {
      let sum = 0;
      call.on("data", (request: InputRequest) => sum += request.payload?.body.length ?? 0);
      call.on("end", () => answer(null, { aggregatedPayloadSize: sum }));
      call.on("error", () => {});
    },

    FullDuplexCall(call: ServerDuplexStream<OutputRequest, PayloadResponse>): void {
      const trailers = echo(call);
      let failed = false;
      let sending = Promise.resolve();
      call.on("data", (request: OutputRequest) => {
        const status = asked(request.responseStatus);
        if (failed) return;
        if (status === null) {
          sending = sending.then(() => send(call, request));
          return;
        }
        failed = true;
        call.emit("error", { ...status, metadata: trailers });
      });
      call.on("end", () => {
        if (!failed) void sending.then(() => call.end(trailers));
      });
      call.on("error", () => {});
    },
  };
}

/** The error a caller asked for. */
function asked(status: EchoStatus | null | undefined): { code: number; details: string } | null {
  return status === null || status === undefined || status.code === 0
    ? null
    : { code: status.code, details: status.message };
}
