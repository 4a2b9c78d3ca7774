/*
 * file: what stands in a file, read whole. Either it is a regular file of bounded size or it is
 * refused: a device, a FIFO or a mistaken name costs neither memory nor time. The one place that
 * opens files for reading.
 */
#ifndef KEFU_FILE_H
#define KEFU_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define KIB 1024
#define MIB (1024 * KIB)

struct stat;

/* Append the bytes of the regular file. -1 with err, which names the path, if it cannot be read, is
   no regular file, or has more than `max` bytes; then nothing is appended. `status` (or NULL) is
   what the file system says about the file. The buffer does not move while it grows to the
   file's size: a secret leaves no copies behind. */
MUST_CHECK int file_read(const char *path, size_t max, struct buf *out, struct stat *status,
                         struct err *err);
/* Only this user or root may own the file, and none of the `refused` permissions may be given; a
   group may read a file of root's, as a mounted secret. -1 with err, which names file and mode. */
MUST_CHECK int file_guard(const char *path, const struct stat *status, unsigned refused,
                          struct err *err);
/* file_read() of a secret: refused also if anybody else may read or write it. */
MUST_CHECK int file_secret(const char *path, size_t max, struct buf *out, struct err *err);
/* The same as text in the arena. Absent with err on failure; an empty file gives "". */
text file_text(const char *path, size_t max, struct arena *arena, struct err *err);
/* A file that somebody names on a command line: the same, and "-" is standard input, given up when
   nothing comes for a minute. */
text file_given(const char *name, size_t max, struct arena *arena, struct err *err);

#endif
