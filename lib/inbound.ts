/**
 * The inbound stack: what happens to a connection, and to each request on it, before the application sees it.
 *
 * @module
 */
import { accessLogLayers, type OpenAccessLog } from "./filter/access_log_layers.ts";
import { connectionManagerLayer } from "./filter/connection_manager_layer.ts";
import type { FilterContext, HttpLayer } from "./filter/http_filter.ts";
import { httpFilterLayers } from "./filter/http_filter_layers.ts";
import { localReplyLayer } from "./filter/local_reply_layer.ts";
import { routeLayer } from "./filter/route_layer.ts";
import { streamLimitsLayer } from "./filter/stream_limits_layer.ts";
import { upgradeLayer } from "./filter/upgrade_layer.ts";
import { watchingLayers } from "./filter/watching_layers.ts";
import { Call } from "./http/call.ts";
import { isCarrier, spokenProtocol } from "./http/carrier.ts";
import type { HttpServerHandler } from "./http/codec.ts";
import { DateHeader } from "./http/date_header.ts";
import type { HttpRequest, HttpResponse } from "./http/message.ts";
import { type Handler, stack } from "./internal/layer.ts";
import type { HttpConnectionManager } from "./resource/http_connection_manager.ts";
import type { SnapshotSource } from "./resource/snapshot.ts";
import type { ConnectionInfo } from "./transport/byte_stream.ts";

/** The application as the stack sees it. */
export type Application = Handler<HttpRequest, HttpResponse, Call>;

/** What the stack is made of. */
export interface InboundStackOptions {
  readonly snapshots: SnapshotSource;
  readonly context: FilterContext;
  readonly openAccessLog: OpenAccessLog;
  /** Filters of the application (`mesh.use`). @default {none} */
  readonly filters?: HttpLayer | undefined;
}

/** The stack of an inbound HTTP chain, outermost layer first. */
export function inboundStack(
  manager: HttpConnectionManager,
  application: Application,
  { snapshots, context, openAccessLog, filters }: InboundStackOptions,
): Application {
  const layers: HttpLayer[] = [
    // Outermost, so that every request leaves a line, whoever answered it.
    ...accessLogLayers(manager.accessLogs, openAccessLog, context),
    // Statistics count every answer, also those the mesh gives by itself further in.
    ...watchingLayers(manager.httpFilters, context),
    // Turns what any layer below throws into the answer a sidecar would give.
    localReplyLayer(context),
    // Before any filter: routes and policies must see headers nobody could forge and one form of the path.
    connectionManagerLayer(manager),
    // Filters find their per-route configuration on the call, so the route is chosen before them.
    routeLayer(manager, snapshots, context.random),
    // Routes limit how long a stream may last, and what filters take of it counts.
    streamLimitsLayer(manager, context.clock),
    // Routes may allow an upgrade or forbid it, and what is forbidden is no filter's business.
    upgradeLayer(manager),
    // In the order of the mesh: peer metadata, authorisation, fault, CORS.
    ...httpFilterLayers(manager.httpFilters, context),
    // Innermost: what the mesh forbids never reaches a filter of the application, and none of them can undo it.
    ...(filters === undefined ? [] : [filters]),
  ];
  return stack(layers, application);
}

/**
 * The stack of a chain without HTTP filters (TCP ports served by `mesh.serve`): failures are answered, and the
 * application's own filters run as on any other port: what guards it must not depend on what the mesh calls the port.
 */
export function bareInboundStack(application: Application, { context, filters }: InboundStackOptions): Application {
  return stack(filters === undefined ? [localReplyLayer(context)] : [localReplyLayer(context), filters], application);
}

/** Puts each request of a connection through a stack; every answer has a date, as Envoy's and `Deno.serve`'s have. */
export function inboundHandler(
  stack: Application,
  connection: ConnectionInfo,
  { context }: InboundStackOptions,
): HttpServerHandler {
  const date = new DateHeader(context.clock);
  const stamp = (response: HttpResponse): HttpResponse => {
    if (!response.headers.has("date")) response.headers.append("date", date.value);
    return response;
  };
  const carried = isCarrier(connection);
  return (request, exchange) => {
    exchange.connection ??= connection;
    if (carried) request.protocol = spokenProtocol(request.headers);
    const call = new Call({
      direction: "inbound",
      startTime: context.clock.now(),
      request,
      exchange,
      downstream: connection,
    });
    return stack(request, call).then(stamp);
  };
}
