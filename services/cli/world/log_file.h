/*
 * log_file: a file that other processes append to is kept below a size. What is in it becomes
 * FILE.1, in the place of the last one, and it goes on empty.
 */
#ifndef KEFU_LOG_FILE_H
#define KEFU_LOG_FILE_H

#include <stddef.h>

enum { LOG_FILE_MAX = 16 << 20 };

/* A file that is not there is small enough. One that cannot be copied is emptied all the same: it
   must not fill the disk. A line that is written at this very moment may be lost. */
void log_file_limit(const char *path, size_t most);

#endif
