/** `Deno.serve` over TLS: `server_deno.ts PORT`, with certificate files in `ENMESH_BENCH_CERTS`. */
const files = JSON.parse(Deno.env.get("ENMESH_BENCH_CERTS")!) as { chain: string; key: string };
Deno.serve({
  port: Number(Deno.args[0]),
  hostname: "127.0.0.1",
  cert: Deno.readTextFileSync(files.chain),
  key: Deno.readTextFileSync(files.key),
  onListen: () => console.log("ready"),
}, () => new Response("ok"));
