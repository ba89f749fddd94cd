/*
 * Masks what tells of people in text and JSON of responses: numbers of payment cards but for their last four digits, and
 * the names in e-mail addresses but for their first letter. Nothing changes its length. Content is held back until it is
 * there as a whole, so that nothing is missed between chunks.
 */
#include "proxy_wasm.h"

enum { LEAST_DIGITS = 13, MOST_DIGITS = 19, DIGITS_SHOWN = 4 };

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

static int is_name(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '+' ||
         c == '-' || c == '%';
}

/* Whether the digits have the check digit of payment cards (Luhn). */
static int is_card(const char *at, size_t size) {
  u32 sum = 0;
  int twice = 0;
  for (size_t i = size; i-- > 0;) {
    if (!is_digit(at[i])) continue;
    u32 digit = at[i] - '0';
    if (twice) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    twice = !twice;
    sum += digit;
  }
  return sum % 10 == 0;
}

/* Masks a run of digits, which single spaces and dashes may part. Returns where it ends. */
static size_t mask_digits(char *text, size_t from, size_t size) {
  size_t end = from, digits = 0;
  for (size_t i = from; i < size && digits <= MOST_DIGITS; i++) {
    if (is_digit(text[i])) {
      digits++;
      end = i + 1;
    } else if ((text[i] != ' ' && text[i] != '-') || i + 1 >= size || !is_digit(text[i + 1])) {
      break;
    }
  }
  if (digits < LEAST_DIGITS || digits > MOST_DIGITS || !is_card(text + from, end - from)) {
    while (from < size && is_digit(text[from])) from++;
    return from;
  }
  size_t left = digits - DIGITS_SHOWN;
  for (size_t i = from; left > 0; i++) {
    if (!is_digit(text[i])) continue;
    text[i] = '*';
    left--;
  }
  return end;
}

static void mask(char *text, size_t size) {
  for (size_t i = 0; i < size;) {
    if (text[i] == '@' && i + 1 < size && is_name(text[i + 1])) {
      size_t start = i;
      while (start > 0 && is_name(text[start - 1])) start--;
      for (size_t at = start + 1; at < i; at++) text[at] = '*';
      i++;
    } else if (is_digit(text[i]) && (i == 0 || !is_digit(text[i - 1]))) {
      i = mask_digits(text, i, size);
    } else {
      i++;
    }
  }
}

static int contains(const char *text, size_t size, const char *word, size_t word_size) {
  for (size_t i = 0; i + word_size <= size; i++) {
    size_t at = 0;
    while (at < word_size && (text[i + at] | 0x20) == word[at]) at++;
    if (at == word_size) return 1;
  }
  return 0;
}

static int is_text(void) {
  char *type;
  size_t size;
  if (proxy_get_header_map_value(RESPONSE_HEADERS, "content-type", 12, &type, &size) != OK) return 0;
  return contains(type, size, "text/", 5) || contains(type, size, "json", 4);
}

static int is_encoded(void) {
  char *encoding;
  size_t size;
  return proxy_get_header_map_value(RESPONSE_HEADERS, "content-encoding", 16, &encoding, &size) == OK && size > 0;
}

/* Headers are gone when content comes: what they say is kept as a property of the stream. */
static const char PROPERTY[] = "enmesh.mask";

u32 EXPORT(proxy_on_response_headers)(u32 id, u32 count, u32 end_of_stream) {
  begin();
  if (is_text() && !is_encoded()) proxy_set_property(PROPERTY, sizeof PROPERTY - 1, "1", 1);
  return CONTINUE;
}

u32 EXPORT(proxy_on_response_body)(u32 id, u32 size, u32 end_of_stream) {
  begin();
  char *text;
  size_t text_size;
  if (proxy_get_property(PROPERTY, sizeof PROPERTY - 1, &text, &text_size) != OK) return CONTINUE;
  if (!end_of_stream) return PAUSE;
  if (proxy_get_buffer_bytes(RESPONSE_BODY, 0, ALL, &text, &text_size) != OK || text_size == 0) return CONTINUE;
  mask(text, text_size);
  proxy_set_buffer_bytes(RESPONSE_BODY, 0, ALL, text, text_size);
  return CONTINUE;
}
