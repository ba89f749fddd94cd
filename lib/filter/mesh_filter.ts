/**
 * Filters of the application: what `mesh.use` takes.
 *
 * @module
 */
import type { FilterCall } from "./filter_call.ts";
import type { FilterRequest } from "./filter_request.ts";
import type { FilterResponse } from "./filter_response.ts";

/**
 * A filter of the application: looks at requests and responses on their way through the mesh and changes them.
 *
 * A function that throws, or whose promise rejects, has its request answered with 500 and leaves a line in the log; it
 * never takes anything else down.
 *
 * @example Answer, count, go on
 * ```ts
 * import type { MeshFilter } from "@enmesh/enmesh";
 *
 * let served = 0;
 * const gate: MeshFilter = {
 *   name: "gate",
 *   direction: "inbound",
 *   onRequest(request, call) {
 *     if (request.path.startsWith("/internal/") && call.peer?.namespace !== "ops") {
 *       return new Response("not for you\n", { status: 403 });
 *     }
 *   },
 *   onResponse(response) {
 *     if (response.status < 500) response.headers.set("x-served", String(++served));
 *   },
 * };
 * ```
 */
export interface MeshFilter {
  /** What log lines call it. */
  readonly name: string;
  /**
   * Which requests it sees: those others send to this workload, those this workload sends, or `undefined` for both.
   * @default {both}
   */
  readonly direction?: "inbound" | "outbound" | undefined;
  /**
   * A request, before its body is read. Change it in place; return a `Response` to answer it here: filters used before
   * this one see that response, this one and later ones do not.
   */
  onRequest?(
    request: FilterRequest,
    call: FilterCall,
  ): Response | undefined | void | Promise<Response | undefined | void>;
  /** The response to a request that this filter let pass, before its body is read. Change it in place. */
  onResponse?(response: FilterResponse, call: FilterCall): void | Promise<void>;
}
