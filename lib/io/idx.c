/* idx.c: reads the IDX files of MNIST and its kin: a big-endian header, then the elements; plain or compressed by gzip. */
#include "../ops/ops.h"
#include <errno.h>
#include <sys/stat.h>
#include <zlib.h>

enum { CHUNK = 1 << 24, MOST_DIMS = 16 };
/* deflate cannot make data smaller than by this factor: a bound on what a file can hold, before memory is asked for */
static const double DEFLATE_LIMIT = 1032;

typedef struct tc_idx {
  const char *path;
  gzFile file;
  double capacity;               /* at most so many bytes can come */
  int dtype, ndim;
  int64_t size[MOST_DIMS];
} tc_idx;

static tc_tensor *broken(tc_idx *x, const char *what) { return tci_fail("%s: %s", x->path, what); }

static int dtype_of(int code) {
  switch (code) {
    case 0x08: return TC_UINT8;
    case 0x09: return TC_INT8;
    case 0x0B: return TC_INT16;
    case 0x0C: return TC_INT32;
    case 0x0D: return TC_FLOAT32;
    case 0x0E: return TC_FLOAT64;
    default: return -1;
  }
}

/* Up to n bytes, fewer at the end of the file; -1 after an error. zlib notes a stream that was cut off, but gives no error for it. */
static int64_t take(tc_idx *x, void *to, int64_t n) {
  int64_t done = 0;
  while (done < n) {
    int code = Z_OK, got = gzread(x->file, (char *)to + done, (unsigned)(n - done < CHUNK ? n - done : CHUNK));
    const char *text = got <= 0 ? gzerror(x->file, &code) : NULL;
    if (got < 0 || code == Z_BUF_ERROR) {
      tci_fail("%s: the compressed data is damaged (%s)", x->path, code == Z_ERRNO ? strerror(errno) : text);
      return -1;
    }
    if (got == 0) break;
    done += got;
  }
  return done;
}

static int64_t big_endian(const unsigned char *b) { return (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]; }

static bool read_header(tc_idx *x) {
  unsigned char b[4 * MOST_DIMS];
  int64_t got = take(x, b, 4);
  if (got < 0) return false;
  if (got < 4) return broken(x, "shorter than the 4 bytes an IDX file begins with") != NULL;
  if (b[0] || b[1]) return tci_fail("%s: no IDX file: begins with %02x %02x, takes 00 00", x->path, b[0], b[1]) != NULL;
  x->dtype = dtype_of(b[2]);
  if (x->dtype < 0) return tci_fail("%s: the type of its elements is %02x, takes 08, 09, 0b, 0c, 0d or 0e", x->path, b[2]) != NULL;
  x->ndim = b[3];
  if (x->ndim < 1 || x->ndim > MOST_DIMS) return tci_fail("%s: got %d dims, takes 1 to %d", x->path, x->ndim, MOST_DIMS) != NULL;
  got = take(x, b, 4 * x->ndim);
  if (got < 0) return false;
  if (got < 4 * x->ndim) return tci_fail("%s: ends within the sizes of its %d dims", x->path, x->ndim) != NULL;
  for (int d = 0; d < x->ndim; d++) x->size[d] = big_endian(b + 4 * d);
  return true;
}

/* The bytes the header promises, or -1 if no file of this length can hold them. */
static int64_t promised(tc_idx *x) {
  double bytes = tci_elsize(x->dtype);
  for (int d = 0; d < x->ndim; d++) bytes *= (double)x->size[d];
  if (bytes <= x->capacity) return (int64_t)bytes;
  tci_fail("%s: the header promises %s elements, more than the file can hold", x->path, tci_sizes(x->ndim, x->size));
  return -1;
}

static void to_host_order(char *data, int64_t n, int bytes) {
  const uint16_t one = 1;
  if (bytes == 1 || !*(const char *)&one) return;
  for (int64_t i = 0; i < n; i++, data += bytes)
    for (int j = 0; j < bytes / 2; j++) {
      char swap = data[j];
      data[j] = data[bytes - 1 - j];
      data[bytes - 1 - j] = swap;
    }
}

static tc_tensor *read_elements(tc_idx *x) {
  const int64_t bytes = promised(x);
  tc_tensor *y = bytes < 0 ? NULL : tci_new(x->dtype, x->ndim, x->size, 0);
  if (!y) return NULL;
  int64_t got = take(x, tci_data(y), bytes);
  if (got < 0) return NULL;
  if (got < bytes)
    return tci_fail("%s: ends after %lld of the %lld bytes of its elements %s", x->path, (long long)got, (long long)bytes,
                    tci_sizes(x->ndim, x->size));
  char more;
  got = take(x, &more, 1);
  if (got < 0) return NULL;
  if (got > 0) return tci_fail("%s: goes on after its elements %s", x->path, tci_sizes(x->ndim, x->size));
  to_host_order(tci_data(y), y->numel, tci_elsize(x->dtype));
  return y;
}

tc_tensor *tc_read_idx(const char *path) {
  if (!path) return NULL;
  struct stat info;
  if (stat(path, &info)) return tci_fail("%s: %s", path, strerror(errno));
  if (S_ISDIR(info.st_mode)) return tci_fail("%s: is a folder", path);
  tc_idx x = {.path = path, .file = gzopen(path, "rb"), .capacity = (double)info.st_size * DEFLATE_LIMIT + CHUNK};
  if (!x.file) return tci_fail("%s: %s", path, errno ? strerror(errno) : "out of memory");
  gzbuffer(x.file, 1 << 18);
  if (gzdirect(x.file)) x.capacity = (double)info.st_size;
  tc_tensor *y = read_header(&x) ? read_elements(&x) : NULL;
  gzclose(x.file);
  return y;
}
