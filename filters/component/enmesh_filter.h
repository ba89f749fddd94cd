/*
 * The canonical ABI of the worlds of `enmesh:filter@0.1.0` (../wit/filter.wit) in C, by hand: a filter needs no
 * generator, no libc and no WASI. Include it once, then define `configure`, `on_request` and `on_response`; for the world
 * `body-filter` define ENMESH_BODIES before, and `on_body` and `on_done` as well.
 *
 * What is handed to a filter lives until the function returns. So does what it allocates with `alloc` for its answer;
 * `keep` allocates what has to last.
 */
#ifndef ENMESH_FILTER_H
#define ENMESH_FILTER_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

typedef struct { const u8 *at; u32 len; } bytes;
typedef struct { bytes name, value; } header;
typedef struct { const header *at; u32 len; } headers;
typedef struct { bytes method, scheme, authority, path; headers fields; u32 end_of_stream; } request_head;
typedef struct { u32 status; headers fields; u32 end_of_stream; } response_head;

enum { CHANGE_SET, CHANGE_APPEND, CHANGE_REMOVE };
typedef struct { u8 kind; bytes name, value; } change;

enum { ERROR_INVALID_CONFIGURATION, ERROR_MALFORMED, ERROR_INTERNAL };
enum { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };

/* result<action, error> and result<_, error>, as they lie in memory. */
typedef struct {
  u8 failed;
  union {
    struct { u8 responds; union {
      struct { const change *at; u32 len; } proceed;
      struct { u16 status; headers fields; bytes body; } respond;
    }; } action;
    struct { u8 kind; bytes text; } error;
  };
} outcome;

static bytes text(const char *s) { u32 n = 0; while (s[n]) n++; return (bytes){ (const u8 *)s, n }; }
static int equal(bytes a, bytes b) {
  if (a.len != b.len) return 0;
  for (u32 i = 0; i < a.len; i++) if (a.at[i] != b.at[i]) return 0;
  return 1;
}
static int starts_with(bytes s, bytes prefix) { return s.len >= prefix.len && equal((bytes){ s.at, prefix.len }, prefix); }

/* Memory of one call: a bump allocator, emptied when the answer has been read. */
extern u8 __heap_base;
static u32 kept, top;
static u32 take(u32 *from, u32 align, u32 size) {
  u32 at = (*from + align - 1) & -align, end = at + size, have = __builtin_wasm_memory_size(0) << 16;
  if (end < at) __builtin_trap();
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + 0xffff) >> 16) == (unsigned long)-1) __builtin_trap();
  *from = end;
  return at;
}
static void start(void) { if (!kept) kept = top = (u32)&__heap_base; }
static void *alloc(u32 size) { start(); return (void *)take(&top, 8, size); }
/* Only from `configure`: what calls allocate lies above. */
static void *keep(u32 size) { void *at = alloc(size); kept = top; return at; }
static void copy(u8 *to, const u8 *from, u32 n) { for (u32 i = 0; i < n; i++) to[i] = from[i]; }

__attribute__((export_name("cm32p2_realloc")))
void *cm32p2_realloc(void *old, u32 old_size, u32 align, u32 size) {
  start();
  u8 *at = (u8 *)take(&top, align, size);
  copy(at, old, old_size < size ? old_size : size);
  return at;
}
__attribute__((export_name("cm32p2_initialize"))) void cm32p2_initialize(void) {}

__attribute__((import_module("cm32p2|enmesh:filter/host@0.1"), import_name("log")))
void host_log(u32 level, const u8 *at, u32 len);
static void log_line(u32 level, bytes line) { host_log(level, line.at, line.len); }

static outcome proceed(const change *changes, u32 len) { outcome o = { 0 }; o.action.proceed.at = changes; o.action.proceed.len = len; return o; }
static outcome respond(u16 status, bytes body) {
  outcome o = { 0 };
  o.action.responds = 1;
  o.action.respond.status = status;
  o.action.respond.body = body;
  return o;
}
static outcome fail(u8 kind, bytes why) { outcome o = { 0 }; o.failed = 1; o.error.kind = kind; o.error.text = why; return o; }

/* What a filter defines. */
static outcome configure(bytes configuration);
static outcome on_request(u32 call, const request_head *head);
static outcome on_response(u32 call, const response_head *head);

static outcome answer;

__attribute__((export_name("cm32p2|enmesh:filter/handler@0.1|configure")))
outcome *export_configure(const u8 *at, u32 len) {
  start();
  answer = configure((bytes){ at, len });
  return &answer;
}
__attribute__((export_name("cm32p2|enmesh:filter/handler@0.1|on-request")))
outcome *export_on_request(u32 call, const u8 *m, u32 ml, const u8 *s, u32 sl, const u8 *a, u32 al, const u8 *p, u32 pl,
                           const header *h, u32 hl, u32 end) {
  request_head head = { { m, ml }, { s, sl }, { a, al }, { p, pl }, { h, hl }, end };
  answer = on_request(call, &head);
  return &answer;
}
__attribute__((export_name("cm32p2|enmesh:filter/handler@0.1|on-response")))
outcome *export_on_response(u32 call, u32 status, const header *h, u32 hl, u32 end) {
  response_head head = { status, { h, hl }, end };
  answer = on_response(call, &head);
  return &answer;
}
__attribute__((export_name("cm32p2|enmesh:filter/handler@0.1|configure_post"))) void post_configure(outcome *o) { top = kept; }
__attribute__((export_name("cm32p2|enmesh:filter/handler@0.1|on-request_post"))) void post_request(outcome *o) { top = kept; }
__attribute__((export_name("cm32p2|enmesh:filter/handler@0.1|on-response_post"))) void post_response(outcome *o) { top = kept; }

#ifdef ENMESH_BODIES
/* result<chunk-action, error>, as it lies in memory. */
typedef struct {
  u8 failed;
  union {
    struct { u8 replaces; bytes with; } action;
    struct { u8 kind; bytes text; } error;
  };
} chunk_outcome;

static chunk_outcome pass(void) { chunk_outcome o = { 0 }; return o; }
static chunk_outcome replace(bytes with) { chunk_outcome o = { 0 }; o.action.replaces = 1; o.action.with = with; return o; }

/* What a filter of bodies defines. The chunk may be changed in place and handed back. */
static chunk_outcome on_body(u32 call, int of_response, u8 *chunk, u32 len, int end_of_stream);
static void on_done(u32 call);

static chunk_outcome chunk_answer;

__attribute__((export_name("cm32p2|enmesh:filter/bodies@0.1|on-request-body")))
chunk_outcome *export_on_request_body(u32 call, u8 *at, u32 len, u32 end) {
  chunk_answer = on_body(call, 0, at, len, end);
  return &chunk_answer;
}
__attribute__((export_name("cm32p2|enmesh:filter/bodies@0.1|on-response-body")))
chunk_outcome *export_on_response_body(u32 call, u8 *at, u32 len, u32 end) {
  chunk_answer = on_body(call, 1, at, len, end);
  return &chunk_answer;
}
__attribute__((export_name("cm32p2|enmesh:filter/bodies@0.1|on-done"))) void export_on_done(u32 call) { on_done(call); }
__attribute__((export_name("cm32p2|enmesh:filter/bodies@0.1|on-request-body_post"))) void post_request_body(chunk_outcome *o) { top = kept; }
__attribute__((export_name("cm32p2|enmesh:filter/bodies@0.1|on-response-body_post"))) void post_response_body(chunk_outcome *o) { top = kept; }
__attribute__((export_name("cm32p2|enmesh:filter/bodies@0.1|on-done_post"))) void post_done(void) { top = kept; }
#endif

#endif
