import { DerReader, DerTag, readOid } from "./der_reader.ts";

/** Short names of attribute types (RFC 2253, section 2.3, and those OpenSSL and BoringSSL print by name). */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "STREET",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "title",
  "2.5.4.42": "GN",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Prints a Name in RFC 2253 form: the last relative name first, `,` between them, special characters escaped. Values
 * of a string type that is not ASCII or UTF-8 are printed as `#` and the DER in hexadecimal.
 *
 * @throws {SyntaxError} When the bytes are not a Name.
 */
export function formatName(name: Uint8Array): string {
  const reader = new DerReader(name).nested(DerTag.SEQUENCE);
  const relative: string[] = [];
  while (!reader.done) {
    const set = reader.nested(DerTag.SET);
    const pairs: string[] = [];
    while (!set.done) {
      const pair = set.nested(DerTag.SEQUENCE);
      const type = readOid(pair.next(DerTag.OID).content);
      const value = pair.next();
      const text = decodeText(value.tag, value.content);
      pairs.push(`${ATTRIBUTES[type] ?? type}=${text === null ? `#${value.whole.toHex()}` : escape(text)}`);
    }
    relative.push(pairs.join("+"));
  }
  return relative.reverse().join(",");
}

/** Decodes UTF8String, PrintableString, T61String (read as ASCII), IA5String; `null` for other types or bad bytes. */
function decodeText(tag: number, content: Uint8Array): string | null {
  if (tag !== 0x0c && tag !== 0x13 && tag !== 0x14 && tag !== 0x16) return null;
  try {
    return UTF8.decode(content);
  } catch {
    return null;
  }
}

function escape(text: string): string {
  return text
    .replace(/[,+"\\<>;]/g, "\\$&")
    .replace(/^[# ]/, "\\$&")
    .replace(/ $/, "\\ ")
    // deno-lint-ignore no-control-regex -- control characters of a hostile name must not reach a log line
    .replace(/[\x00-\x1f\x7f]/g, (c) => `\\${c.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`);
}
