import { MeshError } from "../errors.ts";
import { ForwardClientCert } from "../http/forward_client_cert.ts";
import type { HttpConnectionManager } from "../resource/http_connection_manager.ts";
import { sanitizeRequestHeaders } from "../router/header_sanitizer.ts";
import { normalizePath } from "../router/normalize_path.ts";
import { ensureRequestId } from "../router/request_id.ts";
import type { HttpLayer } from "./http_filter.ts";

/**
 * What a connection manager does to a request before its first filter: takes out what only a proxy may say, states who
 * the caller is, gives the request an id, and normalises its path, so that routes and policies see one form of it.
 *
 * @see Envoy `ConnectionManagerUtility::mutateRequestHeaders` and `maybeNormalizePath`.
 */
export function connectionManagerLayer(manager: HttpConnectionManager): HttpLayer {
  const clientCert = new ForwardClientCert(manager);
  return function connectionManager(next) {
    return (request, call) => {
      const { headers } = request;
      sanitizeRequestHeaders(headers, call.direction);
      clientCert.apply(headers, call.downstream);
      if (manager.suppressEnvoyHeaders) call.suppressEnvoyHeaders = true;
      if (!headers.has("x-forwarded-proto")) headers.append("x-forwarded-proto", request.scheme);
      ensureRequestId(headers);
      if (manager.normalizePath) {
        const path = normalizePath(request.path);
        if (path === null) {
          call.responseCodeDetails = "path_normalization_failed";
          return Promise.reject(
            new MeshError(
              "DOWNSTREAM_PROTOCOL_ERROR",
              `Cannot serve the request: its path holds an invalid escape: '${request.path}'`,
            ),
          );
        }
        request.path = path;
      }
      return next(request, call);
    };
  };
}
