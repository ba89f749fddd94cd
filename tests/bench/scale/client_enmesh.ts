/**
 * A program that joins and talks to some services. Lines in: `use N` sends a request to each of the first N services,
 * `pause` reports the longest pause of the event loop so far. Lines out: `ready`, `used`, a number.
 */
import { Mesh } from "../../../mod.ts";
import { joinOptions } from "../http/join_options.ts";
import { hostOf } from "./configuration.ts";

let longest = 0;
const watch = Deno.args.includes("--watch-pauses");
if (watch) {
  let last = performance.now();
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    setTimeout(turn, 1);
  };
  setTimeout(turn, 1);
}
const mesh = await Mesh.join({
  ...joinOptions(),
  logger: {
    // Up to here the program has loaded itself; from here on it takes the configuration in.
    log: (_, message) => void (message.startsWith("Got a certificate") && (longest = 0)),
  },
});
console.log("ready");
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
for await (const text of lines) {
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const [order, count] = line.split(" ");
    if (order === "use") {
      for (let service = 0; service < Number(count); service++) {
        const response = await mesh.fetch(`http://${hostOf(service)}/`);
        const answer = await response.text();
        if (response.status !== 200) throw new Error(`Unexpected answer: ${response.status} ${answer}`);
      }
      console.log("used");
    } else if (order === "pause") {
      console.log(String(longest));
      longest = 0;
    }
  }
}
