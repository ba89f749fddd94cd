/** Writes a moment, in milliseconds since the Unix epoch, as text. */
export type TimeFormat = (ms: number) => string;

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

type Part = (date: Date) => string;

/** Conversions of `strftime(3)` in UTC. */
const CONVERSIONS: Readonly<Record<string, Part>> = {
  Y: (date) => String(date.getUTCFullYear()),
  y: (date) => pad(date.getUTCFullYear() % 100, 2),
  m: (date) => pad(date.getUTCMonth() + 1, 2),
  d: (date) => pad(date.getUTCDate(), 2),
  e: (date) => String(date.getUTCDate()).padStart(2, " "),
  H: (date) => pad(date.getUTCHours(), 2),
  I: (date) => pad((date.getUTCHours() + 11) % 12 + 1, 2),
  M: (date) => pad(date.getUTCMinutes(), 2),
  S: (date) => pad(date.getUTCSeconds(), 2),
  p: (date) => date.getUTCHours() < 12 ? "AM" : "PM",
  a: (date) => DAYS[date.getUTCDay()]!.slice(0, 3),
  A: (date) => DAYS[date.getUTCDay()]!,
  b: (date) => MONTHS[date.getUTCMonth()]!.slice(0, 3),
  h: (date) => MONTHS[date.getUTCMonth()]!.slice(0, 3),
  B: (date) => MONTHS[date.getUTCMonth()]!,
  j: (date) =>
    pad(
      (Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) -
            Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000 + 1,
      3,
    ),
  u: (date) => String((date.getUTCDay() + 6) % 7 + 1),
  w: (date) => String(date.getUTCDay()),
  F: (date) => date.toISOString().slice(0, 10),
  T: (date) => date.toISOString().slice(11, 19),
  R: (date) => date.toISOString().slice(11, 16),
  D: (date) => `${pad(date.getUTCMonth() + 1, 2)}/${pad(date.getUTCDate(), 2)}/${pad(date.getUTCFullYear() % 100, 2)}`,
  z: () => "+0000",
  Z: () => "UTC",
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  n: () => "\n",
  t: () => "\t",
  "%": () => "%",
};

/** ISO 8601 with milliseconds in UTC: Envoy's default for `%START_TIME%`. */
export const isoTime: TimeFormat = (ms: number): string => new Date(ms).toISOString();

/**
 * Compiles a time format: `strftime` conversions in UTC, `%s` (seconds since the epoch) and `%f` or `%1f` to `%9f`
 * (fractional digits, nine without a number), as Envoy's `%START_TIME(...)%` takes them.
 *
 * @throws {SyntaxError} When a conversion is unknown.
 */
export function compileTimeFormat(format: string): TimeFormat {
  const parts: (string | Part)[] = [];
  let literal = "";
  for (let i = 0; i < format.length; i++) {
    const character = format[i]!;
    if (character !== "%") {
      literal += character;
      continue;
    }
    const { part, length } = conversion(format, i + 1);
    parts.push(literal, part);
    literal = "";
    i += length;
  }
  parts.push(literal);
  return (ms) => {
    const date = new Date(ms);
    let out = "";
    for (const part of parts) out += typeof part === "string" ? part : part(date);
    return out;
  };
}

function conversion(format: string, at: number): { part: Part; length: number } {
  const fraction = /^([1-9]?)f/.exec(format.slice(at, at + 2));
  if (fraction !== null) {
    const digits = Number(fraction[1] || 9);
    return { part: (date) => fractionOf(date, digits), length: fraction[0].length };
  }
  const letter = format[at] ?? "";
  const part = CONVERSIONS[letter];
  if (part === undefined) {
    throw new SyntaxError(`Cannot use time format '${format}': the conversion '%${letter}' is not known`);
  }
  return { part, length: 1 };
}

function fractionOf(date: Date, digits: number): string {
  return pad(date.getTime() - Math.floor(date.getTime() / 1000) * 1000, 3).padEnd(9, "0").slice(0, digits);
}
