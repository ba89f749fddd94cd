import type { Attempt, Outcome } from "./outcome.ts";

/** A value that one side has and the other has not, or has otherwise. */
export interface Difference {
  /** Name of the case. */
  readonly name: string;
  /** Where: `answer.status`, `answer.header server`, `attempt.path`, `attempt.header x-a`, ... */
  readonly field: string;
  /** Value in Envoy; `null` for none. */
  readonly envoy: string | null;
  readonly enmesh: string | null;
}

/** A difference that is meant. One that no case shows any more fails the suite, so that the list stays true. */
export interface AcceptedDifference {
  readonly reason: string;
  /** Which cases; absent for all. */
  readonly cases?: RegExp;
  /** Which fields. */
  readonly field: RegExp;
  /** Looks closer; absent for every difference of that field. */
  readonly when?: (difference: Difference, envoy: Outcome, enmesh: Outcome) => boolean;
}

/** Whether one side has in one field what the other has in several. */
const isJoined = ({ envoy, enmesh }: Difference) => envoy === enmesh?.replaceAll(" | ", ",");

const isMirror = (attempt: Attempt | undefined) =>
  attempt?.headers.some(([name]) => name === "x-envoy-internal") ?? false;

const fromBackend = ({ answer }: Outcome) => answer?.headers.some(([name]) => name === "x-backend") ?? false;

/** enmesh words its own answers for people: they begin with what could not be done. */
const isOwnText = (_: Difference, __: Outcome, { answer }: Outcome) => answer?.body.startsWith("Cannot ") ?? false;

/** Every difference between Envoy and enmesh that is meant, with its reason. */
export const ACCEPTED_DIFFERENCES: readonly AcceptedDifference[] = [
  {
    reason: "enmesh is not Envoy and says so: no server header is claimed, and the backend's is left as it is",
    field: /^answer\.header server$/,
    when: ({ envoy }) => envoy === "envoy" || envoy === "istio-envoy",
  },
  {
    reason: "local replies say in the body what happened and what to check",
    field: /^answer\.(body|header content-(length|type))$/,
    when: isOwnText,
  },
  {
    reason: "local replies to gRPC say in grpc-message what happened and what to check",
    field: /^answer\.header grpc-message$/,
    when: ({ enmesh }) => enmesh?.startsWith("Cannot ") ?? false,
  },
  {
    reason: "the head of a local reply tells of the text that a GET would get",
    field: /^answer\.header content-(length|type)$/,
    when: (_, one, other) => one.answer?.body === "" && other.answer?.body === "" && !fromBackend(other),
  },
  {
    reason: "the length of content is the codec's to say, where a message needs it and nobody has said it",
    field: /^answer\.header content-length$/,
    when: ({ envoy, enmesh }, { answer }) => enmesh === null && envoy === String(answer?.body.length),
  },
  {
    reason: "messages of gRPC say their length themselves: its clients declare none, nor does the codec for them",
    field: /^attempt(\[\d+\])?\.header content-length$/,
    when: ({ field, enmesh }, _, { attempts }) =>
      enmesh === null &&
      (attempts[Number(/\d+/.exec(field) ?? 0)]?.headers.some(([name]) => name === ":scheme") ?? false) &&
      (attempts[0]?.headers.some(([name, value]) => name === "content-type" && value === "application/grpc") ?? false),
  },
  {
    reason: "te belongs to the connection of HTTP/1.1: it goes on over HTTP/2 only, where gRPC asks for it",
    field: /^attempt(\[\d+\])?\.header te$/,
    when: ({ envoy, enmesh }) => envoy === "trailers" && enmesh === null,
  },
  {
    reason: "a mirrored request is one of Envoy's own client, which states its own address and time limit",
    field: /^attempt\[\d+\]\.header (x-forwarded-for|x-envoy-expected-rq-timeout-ms)$/,
    when: ({ field, enmesh }, _, { attempts }) => enmesh === null && isMirror(attempts[Number(/\d+/.exec(field))]),
  },
  {
    reason: "a path without a slash at its beginning or a host with a space, made by a rewrite, is refused, not sent",
    field: /^(answer\.(status|body)|attempts)$/,
    when: (_, { attempts: [attempt] }, { answer }) =>
      answer?.status === 502 && attempt !== undefined &&
      (!attempt.path.startsWith("/") || attempt.authority.includes(" ")),
  },
  {
    reason: "fields that frame a message or belong to a connection cannot be added to it: the codec writes its own",
    cases: /adding '(content-length|connection)' to a request/,
    field: /^attempt\.header (content-length|connection)$/,
  },
  {
    reason: "a response whose length is not that of its content would break the connection",
    cases: /overwriting 'content-length' of a response/,
    field: /^answer\.broken$/,
  },
  {
    reason: "an answer to a handshake that is neither 101 nor an error keeps its content: Envoy cuts it off",
    cases: /upgrades: answered with something else/,
    field: /^answer\.(body|header content-length)$/,
    when: ({ envoy }) => envoy === "" || envoy === "0",
  },
  {
    reason: "a name that is no header name is refused: Envoy would send it",
    cases: /adding 'a b' to a request/,
    field: /^configuration$/,
  },
  {
    reason: "an operator that is not known may be one of a later Envoy: it is reported by name and the rest applies",
    cases: /format %(UNKNOWN|VIRTUAL_HOST_NAME|COALESCE\(x\)|req\(x-a\))%/,
    field: /^configuration$/,
  },
  {
    reason:
      "nobody keeps what these facts are made of: hosts tried before, the length of trailers, why a line is logged",
    cases: /format %(UPSTREAM_HOSTS_ATTEMPTED|RESPONSE_TRAILERS_BYTES|ACCESS_LOG_TYPE)%/,
    field: /^(answer|attempt)\.header x-value$/,
    when: ({ enmesh }) => enmesh === "",
  },
  {
    reason: "Envoy holds some headers in one field and joins values that repeat, which means the same",
    field: /^attempt(\[\d+\])?\.header /,
    when: isJoined,
  },
  {
    reason: "a local reply has the date in Envoy; without a connection to the caller nobody reads it",
    field: /^answer\.header date$/,
    when: ({ enmesh }) => enmesh === null,
  },
];

/** A value that differs from one request to the next. */
export interface VolatileValue {
  readonly reason: string;
  readonly field: RegExp;
  /** What is compared in its place: that it has the right form, or how large it is about. */
  readonly shown: (value: string) => string;
}

const formed = (form: RegExp) => (value: string): string => form.test(value) ? "(volatile)" : value;
const cookie = (value: string) => value.replace(/\bk="[0-9a-f]{16}"/, 'k="(volatile)"');
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Values of which only the form is compared. */
export const VOLATILE: readonly VolatileValue[] = [
  { reason: "the time", field: / date$/, shown: formed(/^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/) },
  { reason: "random", field: / x-request-id$/, shown: formed(UUID) },
  { reason: "random", field: / sec-websocket-key$/, shown: formed(/^[\w+/]{22}==$/) },
  { reason: "sides listen at ports of their own", field: / x-forwarded-port$/, shown: formed(/^\d{4,5}$/) },
  { reason: "options of a connection have no case", field: / connection$/, shown: (value) => value.toLowerCase() },
  { reason: "a cookie made for hashing is random", field: /header (set-)?cookie$/, shown: cookie },
  { reason: "a duration", field: / x-envoy-upstream-service-time$/, shown: formed(/^\d+$/) },
  {
    reason: "what is left of a timeout after earlier attempts and pauses of random length",
    field: /^attempt\[\d+\]\.header x-envoy-expected-rq-timeout-ms$/,
    shown: formed(/^\d+$/),
  },
];
