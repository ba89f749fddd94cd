import { MeshError } from "../errors.ts";
import { ForwardClientCert } from "../http/forward_client_cert.ts";
import type { HeaderList } from "../http/header_list.ts";
import type { HttpRequest } from "../http/message.ts";
import type { HttpConnectionManager } from "../resource/http_connection_manager.ts";
import { forwardedFor } from "../router/forwarded_for.ts";
import { sanitizeRequestHeaders } from "../router/header_sanitizer.ts";
import { compileHostForm } from "../router/host_form.ts";
import { localReply } from "../router/local_reply.ts";
import { compilePathForm, PathRedirect } from "../router/path_form.ts";
import { ensureRequestId } from "../router/request_id.ts";
import type { HttpLayer } from "./http_filter.ts";

/**
 * What a connection manager does to a request before its first filter: takes out what only a proxy may say, states who
 * the caller is, gives the request an id, and brings host and path into one form, so that routes and policies see that.
 *
 * @see Envoy `ConnectionManagerUtility::mutateRequestHeaders`, `maybeNormalizePath` and `maybeNormalizeHost`.
 */
export function connectionManagerLayer(manager: HttpConnectionManager): HttpLayer {
  const clientCert = new ForwardClientCert(manager);
  const hostForm = compileHostForm(manager);
  const pathForm = compilePathForm(manager);
  const { headersWithUnderscores, generateRequestId, alwaysSetRequestIdInResponse, xffNumTrustedHops, via } = manager;
  return function connectionManager(next) {
    return (request, call) => {
      const { headers } = request;
      if (headersWithUnderscores !== "allow" && !passUnderscores(headers, headersWithUnderscores === "drop")) {
        call.responseCodeDetails = "http1.unexpected_underscore";
        return Promise.reject(
          new MeshError(
            "DOWNSTREAM_PROTOCOL_ERROR",
            "Cannot serve the request: the name of a header has an underscore",
          ),
        );
      }
      sanitizeRequestHeaders(headers, call.direction);
      clientCert.apply(headers, call.downstream);
      call.forwardedIp = forwardedFor(headers, xffNumTrustedHops);
      if (manager.appendForwardedPort) describePort(headers, call.downstreamLocalAddress);
      if (via !== null) appendVia(headers, via);
      if (manager.suppressEnvoyHeaders) call.suppressEnvoyHeaders = true;
      const scheme = headers.get("x-forwarded-proto");
      if (scheme === undefined) headers.append("x-forwarded-proto", request.scheme);
      // HTTP/1 says no scheme: the proxy in front does.
      else if (request.protocol !== "HTTP/2" && (scheme === "http" || scheme === "https")) request.scheme = scheme;
      const id = generateRequestId ? ensureRequestId(headers) : headers.get("x-request-id");
      if (hostForm !== null) request.authority = hostForm(request.authority, call.downstreamLocalAddress);
      const path = pathForm(request.path);
      if (path === null) {
        call.responseCodeDetails = "path_normalization_failed";
        return Promise.reject(badPath(request));
      }
      if (path instanceof PathRedirect) {
        request.body?.cancel();
        const response = localReply(request, call, {
          status: 307,
          body: "",
          details: "path_normalization_failed",
          headers: ["location", path.target],
        });
        call.response = response;
        return Promise.resolve(response);
      }
      request.path = path;
      const tellsId = alwaysSetRequestIdInResponse && id !== undefined;
      if (!tellsId && via === null) return next(request, call);
      return next(request, call).then((response) => {
        if (tellsId) response.headers.set("x-request-id", id);
        if (via !== null) appendVia(response.headers, via);
        return response;
      });
    };
  };
}

/** Adds a proxy to those a message has passed. */
function appendVia(headers: HeaderList, via: string): void {
  const former = headers.getJoined("via");
  headers.set("via", former === undefined ? via : `${former}, ${via}`);
}

/** Says the port the caller has connected to, unless a proxy in front has. */
function describePort(headers: HeaderList, local: string | null): void {
  const port = /:(\d+)$/.exec(local ?? "")?.[1];
  if (port !== undefined && !headers.has("x-forwarded-port")) headers.append("x-forwarded-port", port);
}

function badPath({ path }: HttpRequest): MeshError {
  return new MeshError(
    "DOWNSTREAM_PROTOCOL_ERROR",
    `Cannot serve the request: its path holds a fragment or an escape that is not allowed: '${path}'`,
  );
}

/** Drops headers with an underscore in their name, or says that there is one. */
function passUnderscores(headers: HeaderList, drop: boolean): boolean {
  const { pairs } = headers;
  const names = new Set<string>();
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i]!.includes("_")) names.add(pairs[i]!);
  if (drop) { for (const name of names) headers.delete(name); }
  return drop || names.size === 0;
}
