/* file.c: whole files as bytes: mapped into memory or read, cut into tensors; and written so that a file is there whole or not at
   all. What the bytes mean is the business of lua/tocha/io. */
#define _GNU_SOURCE
#include "../ops/ops.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */
typedef struct tc_mapping {      /* a private mapping: changes stay in memory; shared by the tensors cut from it */
  int64_t users;
  void *data;
  size_t bytes;
} tc_mapping;

static void unmap(tc_storage *s) {
  tc_mapping *m = s->owner;
  if (--m->users > 0) return;
  munmap(m->data, m->bytes);
  free(m);
}

/* Storage over a part of a mapping; takes over one use of it. */
static tc_storage *mapped_storage(tc_mapping *m, int64_t offset, int64_t bytes) {
  tc_storage *s = tci_small_alloc(sizeof *s);
  if (!s) return tci_fail("out of memory");
  *s = (tc_storage){.refs = 1, .data = (char *)m->data + offset, .bytes = bytes, .capacity = bytes, .destroy = unmap, .owner = m};
  m->users++;
  return s;
}

static tc_tensor *mapped_tensor(tc_mapping *m, int64_t offset, int dtype, int ndim, const int64_t *size) {
  tc_tensor *t = tci_header(dtype, ndim, 0);
  if (!t) return NULL;
  int64_t step = 1;
  for (int d = ndim - 1; d >= 0; d--) {
    t->size[d] = size[d];
    t->stride[d] = step;
    step *= size[d];
  }
  t->numel = step;
  t->storage = mapped_storage(m, offset, step * tci_elsize(dtype));
  return t->storage ? t : NULL;
}

static bool check_bools(const tc_tensor *t) {
  const uint8_t *p = (const uint8_t *)tci_data(t);
  for (int64_t i = 0; i < t->numel; i++)
    if (p[i] > 1) return tci_fail("element %lld of a bool tensor is %d, takes 0 or 1", (long long)i + 1, p[i]) != NULL;
  return true;
}

/* ---- memory that other processes see ---- */
static bool large_enough(const char *path, int file, bool shared, int64_t bytes) {
  struct stat info;
  if (fstat(file, &info)) return tci_fail("%s: %s", path, strerror(errno)) != NULL;
  if (info.st_size >= bytes) return true;
  if (!shared) return tci_fail("%s: has %lld bytes, %lld are needed", path, (long long)info.st_size, (long long)bytes) != NULL;
  return !ftruncate(file, bytes) || tci_fail("%s: cannot be made longer: %s", path, strerror(errno));
}

static void unmap_shared(tc_storage *s) { unmap(s); }

/* size < 0: all that fit. A private mapping keeps changes to itself; a shared one writes them to the file, or (file < 0) to memory of its own. */
static tc_tensor *map_numbers(const char *path, int file, bool shared, int64_t size, int dtype) {
  struct stat info;
  if (size < 0) size = fstat(file, &info) ? 0 : info.st_size / tci_elsize(dtype);
  int64_t bytes;
  if (__builtin_mul_overflow(size, (int64_t)tci_elsize(dtype), &bytes)) return tci_fail("size: %lld is too large", (long long)size);
  if (bytes == 0) return tci_new(dtype, 1, &size, 0);
  if (file >= 0 && !large_enough(path, file, shared, bytes)) return NULL;
  tc_mapping *m = malloc(sizeof *m);
  void *data = m ? mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, (shared ? MAP_SHARED : MAP_PRIVATE) | (file < 0 ? MAP_ANONYMOUS : 0), file, 0)
                 : MAP_FAILED;
  if (data == MAP_FAILED) {
    free(m);
    return tci_fail("%s: cannot be mapped: %s", path, strerror(errno));
  }
  *m = (tc_mapping){.users = 0, .data = data, .bytes = (size_t)bytes};
  tc_tensor *t = mapped_tensor(m, 0, dtype, 1, &size);
  if (t && shared) t->storage->destroy = unmap_shared;
  if (!t) {
    munmap(data, (size_t)bytes);
    free(m);
  }
  return t;
}

tc_tensor *tc_map_file(const char *path, bool shared, int64_t size, tc_dtype dtype) {
  int file = open(path, (shared ? O_RDWR | (size >= 0 ? O_CREAT : 0) : O_RDONLY) | O_CLOEXEC, 0666);
  if (file < 0) return tci_fail("%s: %s", path, strerror(errno));
  tc_tensor *t = map_numbers(path, file, shared, size, dtype);
  close(file);
  return t && dtype == TC_BOOL && !check_bools(t) ? NULL : t;
}

bool tc_is_shared(tc_tensor *x) { return x->storage->destroy == unmap_shared; }

/* x's values in memory that forked processes share. */
tc_tensor *tc_shared_copy(tc_tensor *x) {
  tc_tensor *flat = map_numbers("shared memory", -1, true, x->numel, x->dtype), *y = flat ? tc_reshape(flat, x->size, x->ndim) : NULL;
  return y && (x->numel == 0 || tci_copy_into(y, tc_detach(x))) ? y : NULL;
}

static tc_tensor *map(const char *path, int file, int64_t bytes) {
  tc_mapping *m = malloc(sizeof *m);
  void *data = m ? mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0) : MAP_FAILED;
  if (data == MAP_FAILED) {
    free(m);
    return tci_fail("%s: cannot be mapped: %s", path, strerror(errno));
  }
  *m = (tc_mapping){.users = 0, .data = data, .bytes = (size_t)bytes};
  tc_tensor *t = mapped_tensor(m, 0, TC_UINT8, 1, &bytes);
  if (!t) {
    munmap(data, (size_t)bytes);
    free(m);
  }
  return t;
}

static tc_tensor *read_whole(const char *path, int file, int64_t bytes) {
  tc_tensor *t = tci_new(TC_UINT8, 1, &bytes, 0);
  for (int64_t done = 0; t && done < bytes;) {
    ssize_t got = read(file, tci_data(t) + done, (size_t)(bytes - done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return tci_fail("%s: %s", path, got < 0 ? strerror(errno) : "became shorter while it was read");
    done += got;
  }
  return t;
}

tc_tensor *tc_file_bytes(const char *path, bool mapped) {
  if (!path) return NULL;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return tci_fail("%s: %s", path, strerror(errno));
  struct stat info;
  tc_tensor *t = NULL;
  if (fstat(file, &info)) tci_fail("%s: %s", path, strerror(errno));
  else if (!S_ISREG(info.st_mode)) tci_fail("%s: is not a regular file", path);
  else if (info.st_size == 0) tci_fail("%s: is empty", path);
  else t = (mapped ? map : read_whole)(path, file, info.st_size);
  close(file);
  return t;
}

/* Shares the bytes of a mapped file where they are aligned, else copies them. */
tc_tensor *tc_file_slice(tc_tensor *bytes, int64_t offset, const int64_t *size, int n_size, tc_dtype dtype) {
  if (!bytes) return NULL;
  if (bytes->dtype != TC_UINT8 || bytes->ndim != 1 || !tci_contiguous(bytes)) return tci_fail("takes the bytes of a file");
  int64_t length = tci_elsize(dtype);
  for (int d = 0; d < n_size; d++)
    if (size[d] < 0 || __builtin_mul_overflow(length, size[d], &length)) return tci_fail("size %s is too large", tci_sizes(n_size, size));
  if (offset < 0 || offset > bytes->numel || length > bytes->numel - offset)
    return tci_fail("bytes %lld to %lld are outside the file of %lld", (long long)offset, (long long)(offset + length),
                    (long long)bytes->numel);
  const int alignment = dtype == TC_COMPLEX64 ? 4 : dtype == TC_COMPLEX128 ? 8 : tci_elsize(dtype);
  const bool shares = bytes->storage->destroy == unmap && bytes->offset == 0 && offset % alignment == 0 && length > 0;
  tc_tensor *t = shares ? mapped_tensor(bytes->storage->owner, offset, dtype, n_size, size) : tci_new(dtype, n_size, size, 0);
  if (!t) return NULL;
  if (!shares && length > 0) memcpy(tci_data(t), tci_data(bytes) + offset, (size_t)length);
  return dtype != TC_BOOL || check_bools(t) ? t : NULL;
}

/* ---- writing ---- */
static bool put(int file, const void *data, int64_t bytes) {
  for (int64_t done = 0; done < bytes;) {
    ssize_t n = write(file, (const char *)data + done, (size_t)(bytes - done));
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) done += n;
  }
  return true;
}

static bool put_tensor(int file, const char *path, tc_tensor *t) {
  const size_t mark = tci_scope_mark();
  tc_tensor *flat = t ? tci_contig(tc_to(tc_detach(t), TC_NONE, 0, false)) : NULL;
  const bool made = flat != NULL;
  const bool good = made && put(file, tci_data(flat), flat->numel * tci_elsize(flat->dtype));
  if (made && !good) tci_fail("%s: %s", path, strerror(errno));
  tci_scope_close(mark, NULL);
  return good;
}

/* The length of the header as 8 little-endian bytes, the header, the tensors without gaps. */
static bool put_all(int file, const char *path, const char *header, tc_tensor *const *tensors, int n) {
  const uint64_t length = strlen(header);
  unsigned char prefix[8];
  for (int i = 0; i < 8; i++) prefix[i] = (unsigned char)(length >> 8 * i);
  if (!put(file, prefix, 8) || !put(file, header, (int64_t)length)) return tci_fail("%s: %s", path, strerror(errno)) != NULL;
  for (int i = 0; i < n; i++)
    if (!put_tensor(file, path, tensors[i])) return false;
  if (fsync(file)) return tci_fail("%s: %s", path, strerror(errno)) != NULL;
  return true;
}

/* After a rename the folder itself must reach the disk. Not all file systems can do that, so failure is no error. */
static void sync_folder(const char *path) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  int length = slash ? (int)(slash - path) : 0;
  snprintf(folder, sizeof folder, "%.*s", length ? length : 1, slash ? (length ? path : "/") : ".");
  int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  if (fsync(file)) errno = 0;
  close(file);
}

/* A new file beside the target: rename() then replaces the target in one go. */
static int open_temporary(const char *target, char *name, size_t room) {
  for (unsigned attempt = 0; attempt < 100; attempt++) {
    if (snprintf(name, room, "%s.%ld.%u.tmp", target, (long)getpid(), attempt) >= (int)room) {
      errno = ENAMETOOLONG;
      return -1;
    }
    int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0 || errno != EEXIST) return file;
  }
  return -1;
}

void tc_file_write(const char *path, const char *header, tc_tensor *const *tensors, int n_tensors) {
  if (!path || !header) return;
  char target[PATH_MAX], temporary[PATH_MAX + 40];
  if (!realpath(path, target)) snprintf(target, sizeof target, "%s", path);   /* an old file may be a link: write what it points to */
  struct stat info;
  const bool existed = !stat(target, &info);
  if (existed && !S_ISREG(info.st_mode)) {
    tci_fail("%s: is not a regular file", path);
    return;
  }
  int file = open_temporary(target, temporary, sizeof temporary);
  if (file < 0) {
    tci_fail("%s: cannot write %s: %s", path, temporary, strerror(errno));
    return;
  }
  if (existed && fchmod(file, info.st_mode & 07777)) errno = 0; /* as the old file, where that is allowed */
  bool good = put_all(file, path, header, tensors, n_tensors);
  if (close(file) && good) good = tci_fail("%s: %s", path, strerror(errno)) != NULL;
  if (good && rename(temporary, target)) good = tci_fail("%s: %s", path, strerror(errno)) != NULL;
  if (good) sync_folder(target);
  else unlink(temporary);
}
