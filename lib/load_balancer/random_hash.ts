import { type Random, randomInt } from "../internal/random.ts";
import type { Hash64 } from "../internal/xx_hash64.ts";

/** A random hash, for requests that carry nothing to hash: Envoy does the same. */
export function randomHash(random: Random): Hash64 {
  return { hi: randomInt(random, 0x100000000), lo: randomInt(random, 0x100000000) };
}
