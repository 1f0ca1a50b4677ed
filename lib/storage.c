/* storage.c: reference-counted bytes on a device. */
#include "runtime.h"

/* Few bytes of the CPU lie behind the storage itself, in one block of the pools of small objects, which need no lock. */
enum { SMALL = 512 };
static bool holds_data(const tc_storage *s) { return s->data == s + 1; }
static size_t block_bytes(int64_t capacity) { return sizeof(tc_storage) + (size_t)capacity; }

static tc_storage *small_storage(int64_t bytes) {
  int64_t capacity = bytes ? (bytes + 63) & ~(int64_t)63 : 64;
  tc_storage *s = tci_small_alloc(block_bytes(capacity));
  if (s) *s = (tc_storage){.refs = 1, .data = s + 1, .bytes = bytes, .capacity = capacity};
  return s;
}

static tc_storage *large_storage(int64_t bytes, tc_device device) {
  tc_storage *s = tci_small_alloc(sizeof *s);
  int64_t capacity = 0;
  void *data = s ? tci_device_alloc(device, bytes, &capacity) : NULL;
  if (data) *s = (tc_storage){.refs = 1, .device = device, .data = data, .bytes = bytes, .capacity = capacity};
  else if (s) tci_small_free(s, sizeof *s);
  return data ? s : NULL;
}

tc_storage *tci_storage_new(int64_t bytes, tc_device device) {
  _Static_assert(sizeof(tc_storage) % 64 == 0, "data behind a storage begins at a cache line");
  tc_storage *s = device == 0 && bytes >= 0 && bytes <= SMALL ? small_storage(bytes) : large_storage(bytes, device);
  if (!s) return tci_no_memory(device, bytes);
  if (__builtin_expect(tci_watching, 0)) tci_watch_storage(s);
  return s;
}

void tci_storage_drop(tc_storage *s) {
  if (!s || --s->refs > 0) return;
  if (__builtin_expect(tci_watching || s->record, 0)) tci_watch_dropped(s);
  if (holds_data(s)) {
    tci_small_free(s, block_bytes(s->capacity));
    return;
  }
  if (s->destroy) s->destroy(s);
  else tci_device_free(s->device, s->data, s->capacity);
  tci_small_free(s, sizeof *s);
}
