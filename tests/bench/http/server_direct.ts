import { echo } from "./echo.ts";

const server = Deno.serve(
  { port: Number(Deno.args[0]), hostname: "127.0.0.1", onListen: () => console.log("ready") },
  echo,
);
await server.finished;
