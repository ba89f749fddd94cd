/*
 * A filter that leaves its mark: the configuration is a word, which becomes `x-tagged-by` of every request and response.
 * Requests below `/forbidden` are answered with 403. An empty configuration is refused, `/trap` divides by zero, so that
 * failure policies can be seen at work.
 */
#include "enmesh_filter.h"

static bytes tag;

static outcome configure(bytes configuration) {
  if (configuration.len == 0) return fail(ERROR_INVALID_CONFIGURATION, text("it is empty; give the word to tag with"));
  u8 *at = keep(configuration.len);
  copy(at, configuration.at, configuration.len);
  tag = (bytes){ at, configuration.len };
  return proceed(0, 0);
}

static outcome mark(void) {
  change *changes = alloc(sizeof(change));
  changes[0] = (change){ CHANGE_SET, text("x-tagged-by"), tag };
  return proceed(changes, 1);
}

static outcome on_request(u32 call, const request_head *head) {
  if (starts_with(head->path, text("/forbidden"))) {
    log_line(LEVEL_INFO, text("refused a request"));
    return respond(403, text("forbidden by header_tag\n"));
  }
  if (equal(head->path, text("/trap"))) __builtin_trap();
  if (equal(head->path, text("/malformed"))) return fail(ERROR_MALFORMED, text("this path is never right"));
  return mark();
}

static outcome on_response(u32 call, const response_head *head) { return mark(); }
