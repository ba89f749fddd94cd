/** An address range; `resource/common.ts` has the same shape with its text. */
export interface CidrInput {
  /** Network address: 4 bytes (IPv4) or 16 bytes (IPv6, or IPv4 mapped to it). */
  readonly address: Uint8Array;
  /** Bits that count, of the address as it is given. */
  readonly prefixLength: number;
}

/**
 * Reads an IP address. An IPv4 address mapped to IPv6 (`::ffff:10.0.0.1`, as dual-stack sockets report it) is read as
 * the IPv4 address it stands for; a zone (`fe80::1%eth0`) is left out.
 *
 * @returns 4 or 16 bytes, `null` where the text is no IP address. Brackets are not part of one.
 */
export function parseIp(text: string): Uint8Array | null {
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text);
  return bytes !== null && isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** Whether an address (4 or 16 bytes, as {@linkcode parseIp} gives it) lies in a range. Families never match each other. */
export function matchesCidr(range: CidrInput, ip: Uint8Array): boolean {
  let { address, prefixLength } = range;
  if (address.length === 16 && ip.length === 4) {
    if (!isMapped(address) || prefixLength < 96) return false;
    address = address.subarray(12);
    prefixLength -= 96;
  }
  if (address.length !== ip.length) return false;
  const whole = prefixLength >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== ip[i]) return false;
  const bits = prefixLength & 7;
  if (bits === 0) return true;
  const mask = 0xff << (8 - bits) & 0xff;
  return ((address[whole] ?? 0) & mask) === ((ip[whole] ?? 0) & mask);
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!;
    // No leading zeros: some readers take them for octal, so an address could mean two things.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return null;
    bytes[i] = Number(part);
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | null {
  const zone = text.indexOf("%");
  let address = zone === -1 ? text : text.slice(0, zone);
  if (zone === text.length - 1 || address.length > 45) return null;
  const lastColon = address.lastIndexOf(":");
  if (address.includes(".")) {
    const v4 = parseIpv4(address.slice(lastColon + 1));
    if (v4 === null) return null;
    const hex = (at: number) => (v4[at]! << 8 | v4[at + 1]!).toString(16);
    address = `${address.slice(0, lastColon + 1)}${hex(0)}:${hex(2)}`;
  }
  const halves = address.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!);
  const tail = halves.length === 2 ? parseGroups(halves[1]!) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const bytes = new Uint8Array(16);
  groups.forEach((group, i) => {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 0xff;
  });
  return bytes;
}

function parseGroups(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  for (const group of text.split(":")) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
    groups.push(parseInt(group, 16));
  }
  return groups.length > 8 ? null : groups;
}
