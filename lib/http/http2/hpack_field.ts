/**
 * What a decoded header field is for the rules of RFC 9113 section 8. It is found out once, when the field is
 * decoded or enters the dynamic table, so that a repeated field costs no check.
 *
 * @module
 */

/** Kinds of field; everything from `INVALID` on makes a message malformed. */
export const FieldKind = {
  REGULAR: 0,
  CONTENT_LENGTH: 1,
  COOKIE: 2,
  HOST: 3,
  METHOD: 4,
  SCHEME: 5,
  AUTHORITY: 6,
  PATH: 7,
  STATUS: 8,
  INVALID: 9,
} as const;

/** One of {@linkcode FieldKind}. */
export type FieldKindValue = (typeof FieldKind)[keyof typeof FieldKind];

const KINDS: ReadonlyMap<string, FieldKindValue> = new Map<string, FieldKindValue>([
  ["content-length", FieldKind.CONTENT_LENGTH],
  ["cookie", FieldKind.COOKIE],
  ["host", FieldKind.HOST],
  // Section 8.2.2: fields about the connection have no place in HTTP/2.
  ["connection", FieldKind.INVALID],
  ["proxy-connection", FieldKind.INVALID],
  ["keep-alive", FieldKind.INVALID],
  ["transfer-encoding", FieldKind.INVALID],
  ["upgrade", FieldKind.INVALID],
]);

/** RFC 9110 section 5.6.2 without upper case, which section 8.2.1 of RFC 9113 forbids. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Section 8.2.1: bytes only, no control characters, no white space at either end. */
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]|^[ \t]|[ \t]$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;
/** Section 8.3.1: no user information; nothing that would end the authority elsewhere. */
const AUTHORITY = /^[!$&'()*+,\-.:;=%[\]_~0-9A-Za-z]*$/;
const PATH = /^(?:\/[\x21-\x7e\x80-\xff]*|\*)$/;
const STATUS = /^[1-9][0-9][0-9]$/;

/** Whether that is a header name as HTTP/2 has it on the wire. */
export function isFieldName(name: string): boolean {
  return NAME.test(name);
}

/** Whether that is a value a header may have: a byte string without control characters. */
export function isFieldValue(value: string): boolean {
  return !BAD_VALUE.test(value);
}

/** Finds out what a field is; a pseudo-header with an impossible value is `INVALID`. */
export function fieldKind(name: string, value: string): FieldKindValue {
  if (name.charCodeAt(0) === 58) return pseudoKind(name, value);
  if (!NAME.test(name) || BAD_VALUE.test(value)) return FieldKind.INVALID;
  if (name === "te") return value.toLowerCase() === "trailers" ? FieldKind.REGULAR : FieldKind.INVALID;
  if (name === "content-length") {
    return /^[0-9]{1,15}$/.test(value) ? FieldKind.CONTENT_LENGTH : FieldKind.INVALID;
  }
  if (name === "host" && !AUTHORITY.test(value)) return FieldKind.INVALID;
  return KINDS.get(name) ?? FieldKind.REGULAR;
}

function pseudoKind(name: string, value: string): FieldKindValue {
  switch (name) {
    case ":method":
      return TOKEN.test(value) ? FieldKind.METHOD : FieldKind.INVALID;
    case ":scheme":
      return SCHEME.test(value) ? FieldKind.SCHEME : FieldKind.INVALID;
    case ":authority":
      return AUTHORITY.test(value) ? FieldKind.AUTHORITY : FieldKind.INVALID;
    case ":path":
      return PATH.test(value) ? FieldKind.PATH : FieldKind.INVALID;
    case ":status":
      return STATUS.test(value) ? FieldKind.STATUS : FieldKind.INVALID;
    default:
      return FieldKind.INVALID;
  }
}
