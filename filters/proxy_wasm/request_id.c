/*
 * Gives each request an id (a UUID of version 4) unless it has one, and says it in the response. Configuration:
 * { "header": "x-request-id" }, which is the default; lower case.
 */
#include "proxy_wasm.h"

enum { MAX_NAME = 128, UUID_SIZE = 36 };

static char name[MAX_NAME] = "x-request-id";
static size_t name_size = 12;

/* Where the text of `"header": "TEXT"` begins and ends; `to` stays 0 where there is none. */
static void find_header(const char *json, size_t size, size_t *from, size_t *to) {
  static const char key[] = "\"header\"";
  for (size_t i = 0; i + sizeof key <= size; i++) {
    size_t at = 0;
    while (at < sizeof key - 1 && json[i + at] == key[at]) at++;
    if (at < sizeof key - 1) continue;
    i += at;
    while (i < size && (json[i] == ' ' || json[i] == ':')) i++;
    if (i >= size || json[i++] != '"') return;
    *from = i;
    while (i < size && json[i] != '"') i++;
    *to = i;
    return;
  }
}

u32 EXPORT(proxy_on_configure)(u32 id, u32 size) {
  begin();
  char *given;
  size_t given_size, from = 0, to = 0;
  if (size == 0) return 1;
  if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, ALL, &given, &given_size) != OK) return 0;
  find_header(given, given_size, &from, &to);
  if (to - from == 0 || to - from > MAX_NAME) return 0;
  for (size_t i = from; i < to; i++) {
    char c = given[i];
    int is_allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!is_allowed) return 0;
    name[i - from] = c;
  }
  name_size = to - from;
  return 1;
}

static void make_uuid(char *out) {
  static const char digits[] = "0123456789abcdef";
  u8 bytes[16];
  random_get(bytes, sizeof bytes);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = digits[bytes[i] >> 4];
    *out++ = digits[bytes[i] & 15];
  }
}

/* Headers of the request are gone when the response comes: the id is kept as a property of the stream. */
static const char PROPERTY[] = "enmesh.request_id";

u32 EXPORT(proxy_on_request_headers)(u32 id, u32 count, u32 end_of_stream) {
  begin();
  char uuid[UUID_SIZE];
  char *value;
  size_t size;
  if (proxy_get_header_map_value(REQUEST_HEADERS, name, name_size, &value, &size) != OK || size == 0) {
    make_uuid(uuid);
    value = uuid;
    size = UUID_SIZE;
    proxy_replace_header_map_value(REQUEST_HEADERS, name, name_size, value, size);
  }
  proxy_set_property(PROPERTY, sizeof PROPERTY - 1, value, size);
  return CONTINUE;
}

u32 EXPORT(proxy_on_response_headers)(u32 id, u32 count, u32 end_of_stream) {
  begin();
  char *value;
  size_t size;
  if (proxy_get_property(PROPERTY, sizeof PROPERTY - 1, &value, &size) == OK && size > 0) {
    proxy_replace_header_map_value(RESPONSE_HEADERS, name, name_size, value, size);
  }
  return CONTINUE;
}
