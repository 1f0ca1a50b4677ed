/* random.h: where the operators that draw random numbers get their streams from. */
#ifndef TC_RANDOM_H
#define TC_RANDOM_H
#include "runtime.h"

/* The stream of the next call: every operator that draws takes one. NULL is the default generator. */
tc_stream tci_next_stream(tc_generator *g);
#endif
