/**
 * What may stand in a message: a module that could write line breaks into a field could write messages of its own.
 *
 * @module
 */

/** Characters of a token (RFC 9110 section 5.6.2). */
const TOKEN: boolean[] = Array.from(
  { length: 256 },
  (_, code) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]$/.test(String.fromCharCode(code)),
);

/** Whether a text can be the name of a field, or a method. */
export function isFieldName(name: string): boolean {
  if (name.length === 0) return false;
  for (let i = 0; i < name.length; i++) if (TOKEN[name.charCodeAt(i)] !== true) return false;
  return true;
}

/** Whether a byte string can be the value of a field: anything but NUL and line breaks. */
export function isFieldValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0 || code === 10 || code === 13) return false;
  }
  return true;
}

/** Whether a byte string can be a path or an authority: no spaces and no control characters. */
export function isTarget(value: string): boolean {
  if (value.length === 0) return false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code <= 32 || code === 127) return false;
  }
  return true;
}
