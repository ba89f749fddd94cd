import type { EnvoyConfigCoreV3CidrRange } from "../protobuf/gen/messages.ts";
import type { CidrRange } from "./common.ts";
import { parseIp } from "./ip_address.ts";
import type { Issues } from "./issues.ts";

/**
 * A range from its address and prefix length; bits behind the prefix are cleared. `null` where the address is no IP
 * address or the length does not fit its family.
 */
export function cidrRange(addressPrefix: string, prefixLength: number): CidrRange | null {
  const address = parseIp(addressPrefix);
  if (address === null || !Number.isInteger(prefixLength)) return null;
  if (prefixLength < 0 || prefixLength > address.length * 8) return null;
  for (let bit = prefixLength; bit < address.length * 8; bit++) {
    address[bit >> 3] = address[bit >> 3]! & ~(0x80 >> (bit & 7));
  }
  return { address, prefixLength, text: `${addressPrefix}/${prefixLength}` };
}

/** Reads `envoy.config.core.v3.CidrRange` messages; an absent `prefix_len` is 0, as in Envoy. */
export function parseCidrRanges(
  issues: Issues,
  path: string,
  ranges: readonly EnvoyConfigCoreV3CidrRange[] | undefined,
): CidrRange[] {
  const out: CidrRange[] = [];
  for (const [index, range] of (ranges ?? []).entries()) {
    const prefixLength = range.prefixLen?.value ?? 0;
    const parsed = cidrRange(range.addressPrefix ?? "", prefixLength);
    if (parsed !== null) out.push(parsed);
    else {
      const text = `${range.addressPrefix ?? ""}/${prefixLength}`;
      issues.invalid(`${path}[${index}]`, "it must be an IP address and a prefix length that fits it", text);
    }
  }
  return out;
}

/** Whether the address (4 or 16 bytes) lies in the range; addresses of the other family never do. */
export function cidrContains(range: CidrRange, address: Uint8Array): boolean {
  if (address.length !== range.address.length) return false;
  const whole = range.prefixLength >> 3;
  for (let index = 0; index < whole; index++) {
    if (address[index] !== range.address[index]) return false;
  }
  const rest = range.prefixLength & 7;
  if (rest === 0) return true;
  const mask = 0xff << (8 - rest) & 0xff;
  return (address[whole]! & mask) === (range.address[whole]! & mask);
}
