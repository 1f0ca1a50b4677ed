/* storage.c: reference-counted bytes on a device. */
#include "runtime.h"

tc_storage *tci_storage_new(int64_t bytes, tc_device device) {
  tc_storage *s = tci_small_alloc(sizeof *s);
  int64_t capacity = 0;
  void *data = s ? tci_device_alloc(device, bytes, &capacity) : NULL;
  if (!data) {
    if (s) tci_small_free(s, sizeof *s);
    return tci_fail("out of memory: %lld bytes asked for, %.0f in use, %.0f at most", (long long)bytes, tc_memory_live(),
                    tc_memory_limit());
  }
  *s = (tc_storage){.refs = 1, .device = device, .data = data, .bytes = bytes, .capacity = capacity};
  if (__builtin_expect(tci_watching, 0)) tci_watch_storage(s);
  return s;
}

void tci_storage_drop(tc_storage *s) {
  if (!s || --s->refs > 0) return;
  if (s->destroy) s->destroy(s);
  else tci_device_free(s->device, s->data, s->capacity);
  tci_small_free(s, sizeof *s);
}
