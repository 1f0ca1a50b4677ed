/* header.c: the library carries its own header, from which Lua learns what there is to call. */
#include "glue.h"
#include <stdlib.h>

__asm__(".section .rodata\n"
        ".global tci_header_text\n.hidden tci_header_text\ntci_header_text:\n.incbin \"lib/tocha.h\"\n.byte 0\n"
        ".previous\n");
extern const char tci_header_text[];

const char *tc_header(void) { return tci_header_text; }
const char *tc_version_text(void) { return "0.1.0"; }

static int by_key(const void *key, const void *place) { return strcmp(key, ((const tci_place *)place)->key); }

int32_t tc_find_key(const char *key) {
  const tci_place *p = bsearch(key, tci_places, (size_t)tci_place_count, sizeof *p, by_key);
  return p ? (int32_t)(p - tci_places) : -1;
}

const char *tc_key(int32_t i) { return i >= 0 && i < tci_place_count ? tci_places[i].key : NULL; }
const char *tc_key_text(int32_t i) { return tci_header_text + tci_places[i].offset; }
int32_t tc_key_length(int32_t i) { return tci_places[i].length; }
bool tc_key_inplace(int32_t i) { return tci_places[i].inplace; }
