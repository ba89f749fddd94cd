/** A source of randomness in [0, 1), such as `Math.random`; injected wherever a choice is made. */
export type Random = () => number;

/** A whole number in [0, below). */
export function randomInt(random: Random, below: number): number {
  return Math.floor(random() * below);
}
