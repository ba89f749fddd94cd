/*
 * A filter of bodies: every digit of a response becomes `#`, so that no number of a card or an account leaves. The length
 * stays, so the bytes are changed where they lie. Requests pass as they are.
 */
#define ENMESH_BODIES
#include "enmesh_filter.h"

static outcome configure(bytes configuration) { return proceed(0, 0); }
static outcome on_request(u32 call, const request_head *head) { return proceed(0, 0); }
static outcome on_response(u32 call, const response_head *head) { return proceed(0, 0); }

static chunk_outcome on_body(u32 call, int of_response, u8 *chunk, u32 len, int end_of_stream) {
  if (!of_response) return pass();
  int found = 0;
  for (u32 i = 0; i < len; i++) {
    int digit = chunk[i] >= '0' && chunk[i] <= '9';
    chunk[i] = digit ? '#' : chunk[i];
    found |= digit;
  }
  return found ? replace((bytes){ chunk, len }) : pass();
}
static void on_done(u32 call) {}
