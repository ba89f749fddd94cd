import type { HttpFilterType } from "../lib/filter/http_filter.ts";
import { routeConfig } from "../lib/filter/route_config.ts";
import { CookieSession, HeaderSession, type SessionState } from "../lib/filter/session_state.ts";
import type { EnvoyExtensionsFiltersHttpStateful_sessionV3StatefulSession } from "../lib/protobuf/gen/messages.ts";
import { decode, messageName, unpackAny } from "../lib/protobuf/registry.ts";

const NAME = "envoy.filters.http.stateful_session";
const CONFIG = "envoy.extensions.filters.http.stateful_session.v3.StatefulSession";
const PER_ROUTE = "envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute";
/** Package of the places Envoy can keep sessions in. */
const STATES = "envoy.extensions.http.stateful_session.";
const COOKIE = "envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState";
const HEADER = "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState";

/** A `StatefulSession`, ready for use. */
class Session {
  /** `null` for none: the filter does nothing. */
  readonly state: SessionState | null;
  readonly strict: boolean;
  readonly unsupported: readonly string[];

  constructor(state: SessionState | null, strict: boolean, unsupported: readonly string[] = []) {
    this.state = state;
    this.strict = strict;
    this.unsupported = unsupported;
  }
}

/** A route that does without. */
const DISABLED = new Session(null, false);

function isSession(value: object): value is Session {
  return value instanceof Session;
}

function readSession(config: EnvoyExtensionsFiltersHttpStateful_sessionV3StatefulSession): Session {
  const strict = config.strict ?? false;
  const { sessionState } = config;
  if (sessionState === undefined) return new Session(null, strict);
  const any = sessionState.typedConfig ?? {};
  switch (messageName(any.typeUrl ?? "")) {
    case COOKIE: {
      const { name = "", path = "", ttl } = unpackAny(COOKIE, any).cookie ?? {};
      if (name === "") {
        throw new TypeError("Cannot use 'session_state.cookie.name': it must not be empty, current value is ''");
      }
      return new Session(new CookieSession({ name, path, ttlSeconds: Number(ttl?.seconds ?? 0) }), strict);
    }
    case HEADER: {
      const { name = "" } = unpackAny(HEADER, any);
      if (name === "") {
        throw new TypeError("Cannot use 'session_state.name': it must not be empty, current value is ''");
      }
      return new Session(new HeaderSession(name.toLowerCase()), strict);
    }
    default: {
      const type = messageName(any.typeUrl ?? "");
      if (type.startsWith(STATES)) return new Session(null, false, [`session_state ${type}`]);
      throw new TypeError(`Cannot use 'session_state': it must be a cookie or a header, current value is '${type}'`);
    }
  }
}

/**
 * `envoy.filters.http.stateful_session`: a client goes to the host it was sent to before, as long as that host may be
 * taken; the cookie or header is the one Envoy writes, so clients may come from a sidecar and go back to one. What Istio
 * makes of the label `istio.io/persistent-session`.
 */
export const statefulSessionFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes) {
    const own = readSession(decode(CONFIG, bytes));
    return {
      unsupported: own.unsupported,
      create: ({ clock }, name = NAME) =>
        function statefulSession(next) {
          return (request, call) => {
            const found = routeConfig(call, name, isSession);
            if (found.kind === "disabled") return next(request, call);
            const { state, strict } = found.config ?? own;
            if (state === null || !state.covers(request.path)) return next(request, call);
            const address = state.read(request, clock.now());
            if (address !== null) call.overrideHost = { address, strict };
            return next(request, call).then((response) => {
              const host = call.endpoint?.key;
              if (host !== undefined && host !== address) state.write(response.headers, host, clock.now());
              return response;
            });
          };
        },
    };
  },
  perRoute: {
    configTypes: [PER_ROUTE],
    parse(bytes) {
      const { disabled, statefulSession } = decode(PER_ROUTE, bytes);
      if (statefulSession !== undefined) return readSession(statefulSession);
      if (disabled === true) return DISABLED;
      throw new TypeError("Cannot use 'override': it must be 'disabled' or hold a session");
    },
  },
};
