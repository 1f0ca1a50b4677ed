/* tile.h: pointwise loops over tiles of rows: operands whose rows are short, repeat, or lie across are laid side by side in buffers first.
   Part of pointwise.c. */
#ifndef TC_TILE_H
#define TC_TILE_H
enum { NARROW = 160, ACROSS = 32 }; /* rows shorter than NARROW go several at a time; where one lies across, ACROSS columns of sixteen rows */

/* How many columns tiles have; 0: whole rows do well. */
static int64_t tile_columns(const tc_loop *l) {
  const int64_t width = l->size[l->ndim - 1], height = l->size[l->ndim - 2];
  if (height < 2) return 0;
  for (int k = 0; k < l->nop; k++) {
    const int64_t across = llabs(l->stride[k][l->ndim - 1]), down = llabs(l->stride[k][l->ndim - 2]);
    if (across > 1 && down > 0 && down < across) return width < ACROSS ? width : ACROSS;
  }
  return width < NARROW ? width : 0;
}

/* to: rows by columns of what lies `down` and `across` apart */
#define WIDEN(n) for (int64_t r = 0; r < rows; r++) for (int64_t c = 0; c < (n); c++) to[r * (n) + c] = from[r * down]
#define LAY_OUT(T) do { \
  T *restrict to = to_; const T *restrict from = from_; \
  if (across == 0) switch (columns) { \
    case 2: WIDEN(2); break; \
    case 3: WIDEN(3); break; \
    case 4: WIDEN(4); break; \
    default: WIDEN(columns); \
  } else if (llabs(down) < llabs(across)) { \
    for (int64_t c = 0; c < columns; c++) for (int64_t r = 0; r < rows; r++) to[r * columns + c] = from[r * down + c * across]; \
  } else for (int64_t r = 0; r < rows; r++) for (int64_t c = 0; c < columns; c++) to[r * columns + c] = from[r * down + c * across]; \
} while (0)

static void lay_out(int bytes, void *to_, const void *from_, int64_t rows, int64_t columns, int64_t down, int64_t across) {
  TC_MOVES(bytes, LAY_OUT(T););
}

/* rows of `bytes` each, all like the first */
static void repeat_row(char *to, int64_t rows, int64_t bytes) {
  for (int64_t done = 1; done < rows; done *= 2) memcpy(to + done * bytes, to, (size_t)((rows - done < done ? rows - done : done) * bytes));
}

static void fill_tile(const plan *q, int k, buffer *room, const char *from, int64_t rows, int64_t columns, int64_t down, int64_t across) {
  const int64_t bytes = columns * tc_dtype_bytes(q->compute), lines = down ? rows : 1;
  if (q->direct[k]) lay_out(q->bytes[k], room, from, lines, columns, down, across);
  else for (int64_t r = 0; r < lines; r++)
    load(q, (char *)room + r * bytes, columns, from + r * down * q->bytes[k], q->l->dtype[k], across);
  if (!down) repeat_row((char *)room, rows, bytes);
}

static void store_tile(const plan *q, const buffer *room, char *to, int64_t rows, int64_t columns, int64_t down, int64_t across) {
  const int64_t bytes = columns * tc_dtype_bytes(q->result);
  for (int64_t r = 0; r < rows; r++)
    store(q, (const char *)room + r * bytes, columns, to + r * down * q->bytes[0], q->l->dtype[0], across);
}

typedef struct tile {
  buffer room[TC_MAX_OPERANDS];
  const char *held[TC_MAX_OPERANDS]; /* the row that fills a buffer over and over */
  int64_t most, columns;             /* rows of a full tile; columns of what is held */
} tile;

/* where the loop finds operand k's rows by columns elements side by side */
static void *tile_operand(const plan *q, tile *t, int k, char *from, int64_t rows, int64_t columns) {
  const tc_loop *l = q->l;
  const int64_t across = l->stride[k][l->ndim - 1], down = l->stride[k][l->ndim - 2];
  if (q->direct[k] && across == 1 && (down == columns || rows == 1)) return from;
  if (k == 0) return &t->room[0];
  if (down == 0 && t->held[k] == from && t->columns == columns) return &t->room[k];
  fill_tile(q, k, &t->room[k], from, down == 0 ? t->most : rows, columns, down, across);
  t->held[k] = from;
  return &t->room[k];
}

static void run_tile(const plan *q, tile *t, char *const *at, int64_t rows, int64_t columns) {
  const tc_loop *l = q->l;
  void *in[TC_MAX_OPERANDS] = {NULL};
  for (int k = 0; k <= q->inputs; k++) in[k] = tile_operand(q, t, k, at[k], rows, columns);
  t->columns = columns;
  q->run(rows * columns, in[0], in[1], in[2], in[3], q->p);
  if (in[0] == &t->room[0]) store_tile(q, &t->room[0], at[0], rows, columns, l->stride[0][l->ndim - 2], l->stride[0][l->ndim - 1]);
}

/* Rows from w on, at most `rows` of them and to the end of the last dim but one: says how many. */
static int64_t run_tiles(const plan *q, const place *w, int64_t columns, int64_t rows) {
  const tc_loop *l = q->l;
  const int inner = l->ndim - 1;
  const int64_t width = l->size[inner], left = l->size[inner - 1] - w->index[inner - 1];
  tile t;
  t.most = BLOCK / columns;
  t.columns = -1;
  for (int k = 0; k < TC_MAX_OPERANDS; k++) t.held[k] = NULL;
  if (rows > left) rows = left;
  for (int64_t row = 0, n; row < rows; row += n) {
    n = rows - row < t.most ? rows - row : t.most;
    for (int64_t column = 0; column < width; column += columns) {
      char *at[TC_MAX_OPERANDS];
      for (int k = 0; k < l->nop; k++) at[k] = w->at[k] + (row * l->stride[k][inner - 1] + column * l->stride[k][inner]) * q->bytes[k];
      run_tile(q, &t, at, n, width - column < columns ? width - column : columns);
    }
  }
  return rows;
}
#endif
