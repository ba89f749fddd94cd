/** Answers a request. */
export type Handler<Req, Res, Context> = (request: Req, call: Context) => Promise<Res>;

/** Wraps a handler: the unit the data path is composed of. */
export type Layer<Req, Res, Context> = (next: Handler<Req, Res, Context>) => Handler<Req, Res, Context>;

/** Composes layers, outermost first, around the innermost handler. */
export function stack<Req, Res, Context>(
  layers: readonly Layer<Req, Res, Context>[],
  innermost: Handler<Req, Res, Context>,
): Handler<Req, Res, Context> {
  return layers.reduceRight((next, layer) => layer(next), innermost);
}
