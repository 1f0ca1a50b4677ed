/* header.c: the library carries its own header, from which Lua learns what there is to call. */
#include "runtime.h"

__asm__(".section .rodata\n"
        ".global tci_header_text\n.hidden tci_header_text\ntci_header_text:\n.incbin \"lib/tocha.h\"\n.byte 0\n"
        ".previous\n");
extern const char tci_header_text[];

const char *tc_header(void) { return tci_header_text; }
const char *tc_version_text(void) { return "0.1.0"; }
