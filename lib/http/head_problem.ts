const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const AUTHORITY = /^[!$&'()*+,\-.:;=@[\]_~%0-9A-Za-z]+$/;
const PATH = /^(?:\*|\/[\x21-\x7e\x80-\xff]*)$/;

/** The parts of a request's head that are no header fields. */
export type HeadPart = "method" | "authority" | "path";

const FORMS: Readonly<Record<HeadPart, RegExp>> = { method: TOKEN, authority: AUTHORITY, path: PATH };

/** What is wrong with a part of a request's head that somebody wants to change, or `null`: it would break the message. */
export function headProblem(part: HeadPart, value: string): string | null {
  return FORMS[part].test(value) && (part !== "path" || !value.includes("#")) ? null : `'${value}' is no ${part}`;
}
