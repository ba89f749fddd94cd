/** A table that grows while the program runs: aligned in a terminal, JSON with `--json`. */
export class Table {
  readonly #columns: readonly string[];
  readonly #widths: readonly number[];
  readonly #json = Deno.args.includes("--json");
  readonly #bold = Deno.stdout.isTerminal() && !this.#json;

  /** @param columns Names of the columns with their widths. */
  constructor(columns: Readonly<Record<string, number>>) {
    this.#columns = Object.keys(columns);
    this.#widths = Object.values(columns);
  }

  /** Begins a part of rows. */
  begin(title: string): void {
    this.title(title);
    if (!this.#json) console.log(this.#line(this.#columns));
  }

  /** Begins a part of lines. */
  title(text: string): void {
    if (this.#json) return console.log(JSON.stringify({ title: text }));
    console.log(`\n${this.#bold ? `\x1b[1m${text}\x1b[0m` : text}`);
  }

  /** Adds a row. */
  row(cells: readonly string[]): void {
    if (!this.#json) return console.log(this.#line(cells));
    console.log(JSON.stringify(Object.fromEntries(cells.map((cell, i) => [this.#columns[i], cell]))));
  }

  /** Adds a line of text. */
  note(text: string): void {
    console.log(this.#json ? JSON.stringify({ note: text }) : text);
  }

  #line(cells: readonly string[]): string {
    return cells.map((cell, i) => cell.padEnd(this.#widths[i] ?? 0)).join("  ").trimEnd();
  }
}
