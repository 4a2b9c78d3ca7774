#include "cli/import/yaml_file.h"

#include "base/file.h"
#include "data/encoding.h"

const struct yaml *yaml_file_read(const char *path, struct arena *arena, struct err *err)
{
    text bytes = file_text(path, YAML_BYTES, arena, err);
    if (bytes.at == NULL) return NULL;
    text content = encoding_read(bytes, "auto", arena, err);
    if (content.at != NULL) return yaml_read(content, path, arena, err);
    err_prefix(err, "%s", path);
    return NULL;
}
