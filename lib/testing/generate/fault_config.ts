import { packAny } from "../../protobuf/registry.ts";
import type { GoogleProtobufAny } from "../../protobuf/gen/messages.ts";
import type { Fault } from "../kinds/fault.ts";
import { duration } from "./context.ts";
import { perMillion } from "./percent.ts";

/** The fault filter's configuration of a route, `undefined` where there is no fault. */
export function faultConfig({ delay, abort }: Fault): GoogleProtobufAny {
  return packAny("envoy.extensions.filters.http.fault.v3.HTTPFault", {
    ...(delay === undefined
      ? {}
      : { delay: { fixedDelay: duration(delay.fixedMs), percentage: perMillion(delay.percent) } }),
    ...(abort === undefined ? {} : {
      abort: {
        ...(abort.status.kind === "http" ? { httpStatus: abort.status.code } : { grpcStatus: abort.status.code }),
        ...(abort.percent === undefined ? {} : { percentage: perMillion(abort.percent) }),
      },
    }),
  });
}
