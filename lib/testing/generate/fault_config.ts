import { packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyTypeV3FractionalPercent as FractionalPercent,
  GoogleProtobufAny,
} from "../../protobuf/gen/messages.ts";
import type { Fault } from "../kinds/fault.ts";
import { duration } from "./context.ts";
import { perMillion } from "./percent.ts";

/** The fault filter's configuration of a route. */
export function faultConfig({ delay, abort }: Fault): GoogleProtobufAny {
  return packAny("envoy.extensions.filters.http.fault.v3.HTTPFault", {
    ...(delay === undefined ? {} : { delay: { fixedDelay: duration(delay.fixedMs), percentage: delayShare(delay) } }),
    ...(abort === undefined ? {} : {
      abort: {
        ...(abort.status.kind === "http" ? { httpStatus: abort.status.code } : { grpcStatus: abort.status.code }),
        ...(abort.percent === undefined ? {} : { percentage: perMillion(abort.percent) }),
      },
    }),
  });
}

function delayShare({ percent, wholePercent }: NonNullable<Fault["delay"]>): FractionalPercent {
  if (percent !== undefined) return perMillion(percent);
  return wholePercent === 0 ? {} : { numerator: wholePercent };
}
