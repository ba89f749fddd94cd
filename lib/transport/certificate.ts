import { DerReader, DerTag, readOid } from "./der_reader.ts";
import { formatName } from "./distinguished_name.ts";

/** Bits of the key usage extension that matter here (RFC 5280, section 4.2.1.3). */
export const KeyUsage = { DIGITAL_SIGNATURE: 1 << 0, KEY_CERT_SIGN: 1 << 5 } as const;

/** Extended key usages (RFC 5280, section 4.2.1.12). */
export const ExtendedKeyUsage = {
  SERVER_AUTH: "1.3.6.1.5.5.7.3.1",
  CLIENT_AUTH: "1.3.6.1.5.5.7.3.2",
  ANY: "2.5.29.37.0",
} as const;

/** What an X.509 certificate says (RFC 5280), before anybody has checked that it may say so. */
export interface CertificateFacts {
  readonly der: Uint8Array;
  /** Issuer and subject names, DER. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Issuer and subject names in RFC 2253 form. */
  readonly issuerText: string;
  readonly subjectText: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  readonly emailSans: readonly string[];
  /** Dotted or colon form. */
  readonly ipSans: readonly string[];
  /** Basic constraints say it is a CA. */
  readonly isCa: boolean;
  /** How many CAs may stand between it and a leaf; `null` for any number. */
  readonly pathLength: number | null;
  /** Bits of {@linkcode KeyUsage}, the first bit of the extension lowest; `null` without the extension. */
  readonly keyUsage: number | null;
  /** Object identifiers; `null` without the extension. */
  readonly extendedKeyUsage: readonly string[] | null;
  /** Critical extensions that are not understood here. */
  readonly unknownCritical: readonly string[];
}

/** A certificate larger than that is refused unread; real ones have 1 to 4 KiB. */
const MAX_BYTES = 64 * 1024;
const EXTENSIONS_TAG = 0xa3;
const VERSION_TAG = 0xa0;

/**
 * Parses a certificate, DER.
 *
 * @throws {SyntaxError} When it is not a well-formed version 3 certificate (version 1 for roots without extensions).
 */
export function parseCertificate(der: Uint8Array): CertificateFacts {
  if (der.length > MAX_BYTES) throw new SyntaxError(`Cannot read certificate: it has '${der.length}' bytes`);
  const outer = new DerReader(der);
  const certificate = outer.nested(DerTag.SEQUENCE);
  if (!outer.done) throw new SyntaxError("Cannot read certificate: bytes follow it");
  const tbs = certificate.nested(DerTag.SEQUENCE);
  if (tbs.isNext(VERSION_TAG)) tbs.next(VERSION_TAG);
  tbs.next(DerTag.INTEGER); // serial number
  tbs.next(DerTag.SEQUENCE); // signature algorithm
  const issuer = tbs.next(DerTag.SEQUENCE).whole;
  const validity = tbs.nested(DerTag.SEQUENCE);
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  const subject = tbs.next(DerTag.SEQUENCE).whole;
  const publicKey = tbs.next(DerTag.SEQUENCE).whole;
  const facts = {
    der,
    issuer,
    subject,
    issuerText: formatName(issuer),
    subjectText: formatName(subject),
    publicKey,
    notBefore,
    notAfter,
    uriSans: [] as string[],
    dnsSans: [] as string[],
    emailSans: [] as string[],
    ipSans: [] as string[],
    isCa: false,
    pathLength: null as number | null,
    keyUsage: null as number | null,
    extendedKeyUsage: null as string[] | null,
    unknownCritical: [] as string[],
  };
  while (!tbs.done) {
    const field = tbs.next();
    if (field.tag === EXTENSIONS_TAG) readExtensions(new DerReader(field.content).nested(DerTag.SEQUENCE), facts);
  }
  return facts;
}

type Draft = { -readonly [K in keyof CertificateFacts]: CertificateFacts[K] } & {
  uriSans: string[];
  dnsSans: string[];
  emailSans: string[];
  ipSans: string[];
  unknownCritical: string[];
};

function readExtensions(extensions: DerReader, facts: Draft): void {
  const seen = new Set<string>();
  while (!extensions.done) {
    const extension = extensions.nested(DerTag.SEQUENCE);
    const id = readOid(extension.next(DerTag.OID).content);
    // RFC 5280, section 4.2: one instance each. Two readers that pick different ones would disagree on who this is.
    if (seen.has(id)) throw new SyntaxError(`Cannot read certificate: extension '${id}' appears twice`);
    seen.add(id);
    const critical = extension.isNext(DerTag.BOOLEAN) && extension.next(DerTag.BOOLEAN).content[0] !== 0;
    const value = new DerReader(extension.next(DerTag.OCTET_STRING).content);
    if (id === "2.5.29.19") readBasicConstraints(value.nested(DerTag.SEQUENCE), facts);
    else if (id === "2.5.29.15") facts.keyUsage = readBits(value.next(DerTag.BIT_STRING).content);
    else if (id === "2.5.29.37") facts.extendedKeyUsage = readOids(value.nested(DerTag.SEQUENCE));
    else if (id === "2.5.29.17") readSubjectAltNames(value.nested(DerTag.SEQUENCE), facts);
    else if (critical && !LEFT_TO_THE_RUNTIME.has(id)) facts.unknownCritical.push(id);
  }
}

/** Name constraints are enforced by the runtime's TLS, whose verdict must be good too; policies ask for nothing. */
const LEFT_TO_THE_RUNTIME: ReadonlySet<string> = new Set(["2.5.29.30", "2.5.29.32"]);

function readBasicConstraints(value: DerReader, facts: Draft): void {
  if (value.isNext(DerTag.BOOLEAN)) facts.isCa = value.next(DerTag.BOOLEAN).content[0] !== 0;
  if (!value.isNext(DerTag.INTEGER)) return;
  const length = value.next(DerTag.INTEGER).content;
  // A length beyond one byte is beyond any chain accepted here.
  facts.pathLength = length.length === 1 ? length[0]! : 255;
}

function readBits(content: Uint8Array): number {
  let bits = 0;
  for (let i = 0; i < Math.min(content.length - 1, 2) * 8; i++) {
    if ((content[1 + (i >> 3)]! & (0x80 >> (i & 7))) !== 0) bits |= 1 << i;
  }
  return bits;
}

function readOids(value: DerReader): string[] {
  const ids: string[] = [];
  while (!value.done) ids.push(readOid(value.next(DerTag.OID).content));
  return ids;
}

function readSubjectAltNames(names: DerReader, facts: Draft): void {
  while (!names.done) {
    const { tag, content } = names.next();
    if (tag === 0x86) facts.uriSans.push(readAscii(content));
    else if (tag === 0x82) facts.dnsSans.push(readAscii(content));
    else if (tag === 0x81) facts.emailSans.push(readAscii(content));
    else if (tag === 0x87) facts.ipSans.push(formatIp(content));
  }
}

/** Printable ASCII only: a name with a NUL, a line break or a look-alike letter must never match or reach a log. */
function readAscii(content: Uint8Array): string {
  let text = "";
  for (const byte of content) {
    if (byte <= 0x20 || byte >= 0x7f) throw new SyntaxError("Cannot read certificate: name holds bytes beyond ASCII");
    text += String.fromCharCode(byte);
  }
  return text;
}

function formatIp(content: Uint8Array): string {
  if (content.length === 4) return content.join(".");
  if (content.length !== 16) throw new SyntaxError("Cannot read certificate: address has the wrong size");
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((content[i]! << 8) | content[i + 1]!).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

function readTime(validity: DerReader): number {
  const { tag, content } = validity.next();
  const text = new TextDecoder("latin1").decode(content);
  const short = /^(\d{2})(\d{10})Z$/.exec(text);
  const long = /^(\d{4})(\d{10})Z$/.exec(text);
  const match = tag === DerTag.UTC_TIME ? short : tag === DerTag.GENERALIZED_TIME ? long : null;
  if (match === null) throw new SyntaxError("Cannot read certificate: validity is not a time");
  // RFC 5280, section 4.1.2.5.1: two-digit years from 50 on are of the twentieth century.
  const year = tag === DerTag.UTC_TIME ? Number(match[1]) + (Number(match[1]) >= 50 ? 1900 : 2000) : Number(match[1]);
  const [month, day, hour, minute, second] = match[2]!.match(/\d{2}/g)!;
  const time = Date.parse(`${String(year).padStart(4, "0")}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time)) throw new SyntaxError(`Cannot read certificate: '${text}' is not a time`);
  return time;
}
