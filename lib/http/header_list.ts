/**
 * An ordered list of HTTP header fields, the form in which headers travel through the data path.
 *
 * Names are lower case. Values are byte strings: each UTF-16 unit is one byte (0-255), so values that are not UTF-8
 * survive unchanged. `pairs` is flat (`name, value, name, value`): a scan of ten short lists beats a hash.
 */
export class HeaderList {
  /** The flat list itself. Codecs read and fill it directly; everyone else uses the methods. */
  readonly pairs: string[];

  /** @param pairs A flat list of lower-case names and values, owned by the new object. */
  constructor(pairs: string[] = []) {
    this.pairs = pairs;
  }

  /** Number of fields. */
  get size(): number {
    return this.pairs.length / 2;
  }

  /** The value of the first field of that (lower-case) name. */
  get(name: string): string | undefined {
    const pairs = this.pairs;
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return pairs[i + 1];
    return undefined;
  }

  /** All values of that name, in order. */
  getAll(name: string): string[] {
    const values: string[] = [];
    const pairs = this.pairs;
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) values.push(pairs[i + 1]!);
    return values;
  }

  /** All values of that name joined by a comma, as matchers see them (RFC 9110 section 5.3). */
  getJoined(name: string): string | undefined {
    const values = this.getAll(name);
    return values.length === 0 ? undefined : values.join(",");
  }

  /** Whether any value of that name passes; `null` where the name does not occur. */
  testAny(name: string, passes: (value: string) => boolean): boolean | null {
    const pairs = this.pairs;
    let found: boolean | null = null;
    for (let i = 0; i < pairs.length; i += 2) {
      if (pairs[i] !== name) continue;
      if (passes(pairs[i + 1]!)) return true;
      found = false;
    }
    return found;
  }

  /** Whether a field of that name exists. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Replaces all fields of that name by one, at the place of the first. */
  set(name: string, value: string): void {
    const pairs = this.pairs;
    for (let i = 0; i < pairs.length; i += 2) {
      if (pairs[i] !== name) continue;
      pairs[i + 1] = value;
      this.#deleteFrom(name, i + 2);
      return;
    }
    pairs.push(name, value);
  }

  /** Adds a field at the end. */
  append(name: string, value: string): void {
    this.pairs.push(name, value);
  }

  /** Removes all fields of that name; tells whether there was one. */
  delete(name: string): boolean {
    return this.#deleteFrom(name, 0);
  }

  /** A copy that can be changed on its own. */
  clone(): HeaderList {
    return new HeaderList(this.pairs.slice());
  }

  /** Name and value of each field, in order. */
  *entries(): IterableIterator<[string, string]> {
    for (let i = 0; i < this.pairs.length; i += 2) yield [this.pairs[i]!, this.pairs[i + 1]!];
  }

  #deleteFrom(name: string, start: number): boolean {
    const pairs = this.pairs;
    let to = start;
    for (let from = start; from < pairs.length; from += 2) {
      if (pairs[from] === name) continue;
      if (to !== from) {
        pairs[to] = pairs[from]!;
        pairs[to + 1] = pairs[from + 1]!;
      }
      to += 2;
    }
    const found = to !== pairs.length;
    pairs.length = to;
    return found;
  }
}
