/* optim.h: one update of an optimizer, as the kernel `optim` sees it: parameters as flat pieces, each with its own numbers. */
#ifndef TC_OPTIM_H
#define TC_OPTIM_H
#include "view.h"

/* The rules, and what state[0..2] and k[0..7] hold for each (b1, b2 are the betas, t counts the steps from 1):
   SGD      buffer or NULL                     | lr, momentum, 1 - dampening, nesterov
   ADAM     mean, square, largest or NULL      | lr / (1 - b1^t), 1 - b1, b2, sqrt(1 - b2^t), eps
   RMSPROP  square, average or NULL, buffer or NULL | lr, alpha, eps, momentum
   ADAGRAD  sum                                | decayed lr, eps
   ADADELTA square, accumulated                | lr, rho, eps
   ADAMAX   mean, largest                      | lr / (1 - b1^t), 1 - b1, b2, eps
   NADAM    mean, square                       | 1 - b1, b2, 1 - b2^t, eps, factor of the gradient, factor of the mean
   RADAM    mean, square                       | lr / (1 - b1^t), 1 - b1, b2, eps, rectification or 0 while there is none
   ASGD     average                            | eta, 1 - lambd eta, weight of the average (1: it is the parameter)
   RPROP    previous gradient, step size       | eta minus, eta plus, smallest step, largest step
   LION     mean                               | lr, b1, b2
   LAMB     mean, square                       | lr, 1 / (1 - b1^t), 1 - b1, b2, sqrt(1 - b2^t), eps, decay of the parameter, largest length that counts
   MUON     buffer, param is the move (out)    | 1 - momentum, weight of the gradient beside the buffer in the move; without a buffer, param the
                                               | parameter and grad the orthogonal move: lr */
enum { TC_OPTIM_SGD, TC_OPTIM_ADAM, TC_OPTIM_RMSPROP, TC_OPTIM_ADAGRAD, TC_OPTIM_ADADELTA, TC_OPTIM_ADAMAX, TC_OPTIM_NADAM,
       TC_OPTIM_RADAM, TC_OPTIM_ASGD, TC_OPTIM_RPROP, TC_OPTIM_LION, TC_OPTIM_LAMB, TC_OPTIM_MUON };
enum { TC_OPTIM_STATES = 3, TC_OPTIM_NUMBERS = 8 };

/* One parameter. Every rule begins with g = sign * grad + decay * param, and ADAM, NADAM, RADAM, LION and MUON with param *= shrink. */
typedef struct tc_optim_piece {
  void *param;
  const void *grad;
  void *state[TC_OPTIM_STATES];
  int64_t numel;
  int dtype;                    /* of all of them, floating; row-major */
  double sign, decay, shrink;
  double k[TC_OPTIM_NUMBERS];
  int64_t block;                /* the kernel's own: which of its blocks begins here */
  double *sums;                 /* the kernel's own: where sums over the elements go */
} tc_optim_piece;
#endif
