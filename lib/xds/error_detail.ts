import type { GoogleRpcStatus } from "../protobuf/gen/messages.ts";
import type { ResourceError } from "./resource_sink.ts";

/** Envoy refuses with INTERNAL; istiod shows the message in `istioctl proxy-status`. */
const INTERNAL = 13;
/** istiod receives 4 MiB at most: every error of a bad push of thousands of resources need not fit, the request must. */
const MAX_LENGTH = 256 * 1024;

/** The `error_detail` of a NACK: every error with its resource name. */
export function errorDetail(errors: readonly ResourceError[]): GoogleRpcStatus {
  let message = "";
  let told = 0;
  for (const error of errors) {
    const line = `${told === 0 ? "" : "; "}${error.name}: ${error.message}`;
    if (message.length + line.length > MAX_LENGTH) break;
    message += line;
    told++;
  }
  if (told < errors.length) message += `; and ${errors.length - told} more`;
  return { code: INTERNAL, message };
}
