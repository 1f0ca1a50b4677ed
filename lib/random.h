/* random.h: where the operators that draw random numbers get their streams from. */
#ifndef TC_RANDOM_H
#define TC_RANDOM_H
#include "runtime.h"

/* The stream of the next call: every operator that draws takes one. NULL is the default generator. */
tc_stream tci_next_stream(tc_generator *g);
tc_stream tci_skip_streams(tc_generator *g, uint64_t calls); /* the first of so many that follow each other */
void tci_generator_hold(tc_generator *g);                    /* until tc_generator_free */
void tci_watch_stream(tc_generator *g, tc_stream s);         /* capture.c: a stream was handed out */
#endif
