import type { Clock } from "../internal/clock.ts";

/** Longest time for which making text holds the event loop up. */
const SLICE_MS = 5;
/** A slice ends here too, so that little of a large answer is in memory at once. */
const SLICE_CHARACTERS = 262_144;

/**
 * An answer whose text is made in slices of a few milliseconds, each when the one before is on its way: thousands of
 * resources take time, and requests of the mesh must not wait for it.
 *
 * @param pieces Pieces of text, each quick to make.
 * @param headers Headers of the answer.
 * @param clock Measures slices and yields between them.
 */
export function slicedResponse(pieces: Iterable<string>, headers: HeadersInit, clock: Clock): Response {
  const iterator = pieces[Symbol.iterator]();
  const encoder = new TextEncoder();
  const slice = (): { text: string; done: boolean } => {
    const end = clock.monotonic() + SLICE_MS;
    let text = "";
    for (;;) {
      const next = iterator.next();
      if (next.done) return { text, done: true };
      text += next.value;
      if (text.length >= SLICE_CHARACTERS || clock.monotonic() >= end) return { text, done: false };
    }
  };
  const first = slice();
  // Most answers are one slice, made at once.
  if (first.done) return new Response(first.text, { headers });
  let next: string | null = first.text;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (next !== null) {
        controller.enqueue(encoder.encode(next));
        next = null;
        return;
      }
      await new Promise<void>((resolve) => clock.timer(0, resolve, { ref: true }));
      const { text, done } = slice();
      if (text !== "") controller.enqueue(encoder.encode(text));
      if (done) controller.close();
    },
    cancel: () => void iterator.return?.(),
  }, { highWaterMark: 0 });
  return new Response(body, { headers });
}
