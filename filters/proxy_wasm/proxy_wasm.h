/*
 * As much of Proxy-Wasm ABI 0.2.1 as the filters beside this file use, for a compiler without a C library.
 * Numbers: https://github.com/proxy-wasm/spec
 */
#ifndef PROXY_WASM_H
#define PROXY_WASM_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef __SIZE_TYPE__ size_t;

enum { OK = 0 };
enum { CONTINUE = 0, PAUSE = 1 };
enum { REQUEST_HEADERS = 0, RESPONSE_HEADERS = 2 };
enum { RESPONSE_BODY = 1, PLUGIN_CONFIGURATION = 7 };
enum { ALL = 0xffffffff };

#define IMPORT(name) extern __attribute__((import_module("env"), import_name(#name))) u32 name
#define EXPORT(name) __attribute__((export_name(#name))) name

IMPORT(proxy_get_header_map_value)(u32 map, const char *key, size_t key_size, char **value, size_t *size);
IMPORT(proxy_add_header_map_value)(u32 map, const char *key, size_t key_size, const char *value, size_t size);
IMPORT(proxy_replace_header_map_value)(u32 map, const char *key, size_t key_size, const char *value, size_t size);
IMPORT(proxy_get_buffer_bytes)(u32 type, u32 start, u32 max, char **data, size_t *size);
IMPORT(proxy_set_buffer_bytes)(u32 type, u32 start, u32 size, const char *data, size_t data_size);
IMPORT(proxy_get_property)(const char *path, size_t path_size, char **value, size_t *size);
IMPORT(proxy_set_property)(const char *path, size_t path_size, const char *value, size_t size);

extern __attribute__((import_module("wasi_snapshot_preview1"), import_name("random_get"))) u32
random_get(void *buffer, size_t size);

void EXPORT(proxy_abi_version_0_2_1)(void) {}

/* Everything a callback allocates is gone with it: the heap begins anew at each one. */
extern u8 __heap_base;
static u8 *heap = &__heap_base;

static void begin(void) {
  heap = &__heap_base;
}

void *EXPORT(proxy_on_memory_allocate)(size_t size) {
  u8 *at = heap;
  size_t end = ((size_t)at + size + 7) & ~(size_t)7;
  if (end < (size_t)at) return 0;
  size_t have = __builtin_wasm_memory_size(0) * 65536;
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) / 65536) == (size_t)-1) return 0;
  heap = (u8 *)end;
  return at;
}

void EXPORT(proxy_on_context_create)(u32 id, u32 parent) {}

#endif
