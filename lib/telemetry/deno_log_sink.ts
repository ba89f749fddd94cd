import type { LogSink } from "./log_writer.ts";

/**
 * Writes access logs to standard output, standard error or files of this process. A file needs
 * `--allow-write=PATH`; without it the writer reports the failure and goes on.
 */
export const denoLogSink: LogSink = {
  async write(path, bytes) {
    if (path === "/dev/stdout" || path === "/dev/stderr") {
      const stream = path === "/dev/stdout" ? Deno.stdout : Deno.stderr;
      for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
      return;
    }
    await Deno.writeFile(path, bytes, { append: true });
  },
};
