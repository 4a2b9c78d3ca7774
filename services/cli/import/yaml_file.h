/*
 * yaml_file: a YAML file that people wrote, in whatever encoding their editor saves (encoding.h).
 */
#ifndef KEFU_CLI_YAML_FILE_H
#define KEFU_CLI_YAML_FILE_H

#include "data/yaml.h"

/* NULL with err, which says file and line. The tree lives in the arena. */
MUST_CHECK const struct yaml *yaml_file_read(const char *path, struct arena *arena,
                                             struct err *err);

#endif
