/** Waits until a condition holds; fails after the cap with what was waited for. Polls: use it where nothing signals. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  capMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + capMs;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`Gave up after ${capMs} ms waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
