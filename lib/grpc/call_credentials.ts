import type * as Grpc from "@grpc/grpc-js";
import { GrpcStatusError } from "./grpc_status_error.ts";
import { appendMetadata } from "./metadata_headers.ts";
import { GrpcStatus } from "./status.ts";

/** Statuses a generator may not give a call: they would pass for the server's (grpc-js's `control-plane-status`). */
const SERVER_ONLY: readonly number[] = [
  GrpcStatus.OK,
  GrpcStatus.INVALID_ARGUMENT,
  GrpcStatus.NOT_FOUND,
  GrpcStatus.ALREADY_EXISTS,
  GrpcStatus.FAILED_PRECONDITION,
  GrpcStatus.ABORTED,
  GrpcStatus.OUT_OF_RANGE,
  GrpcStatus.DATA_LOSS,
];

/**
 * Asks call credentials for what they add to a call.
 *
 * @param credentials Of any copy of grpc-js.
 * @param path `/package.Service/Method`.
 * @param authority Host of the call, which the generator is told as part of the service's URL.
 * @returns Header fields, flat.
 * @throws {GrpcStatusError} With the generator's own status where it gives one that is allowed, else UNKNOWN or INTERNAL.
 */
export async function callCredentialsHeaders(
  credentials: Grpc.CallCredentials,
  path: string,
  authority: string,
): Promise<string[]> {
  const service = path.slice(0, Math.max(path.lastIndexOf("/"), 0));
  const fields: string[] = [];
  try {
    const metadata = await credentials.generateMetadata({
      method_name: path,
      service_url: `https://${authority.replace(/:443$/, "")}${service}`,
    });
    appendMetadata(fields, metadata);
  } catch (error) {
    throw failure(error);
  }
  return fields;
}

function failure(error: unknown): GrpcStatusError {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const details = `The metadata generator of the call credentials failed: ${message ?? error}`;
  if (typeof code !== "number") return new GrpcStatusError(GrpcStatus.UNKNOWN, details);
  if (!SERVER_ONLY.includes(code)) return new GrpcStatusError(code, details);
  return new GrpcStatusError(GrpcStatus.INTERNAL, `${details} (with status ${code}, which only a server may give)`);
}
