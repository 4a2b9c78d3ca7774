/*
 * mapping: how a file of requests becomes commands (deploy/import/NAME.yaml), and the roster that
 * goes with it, as data. The words of those files say what is meant.
 */
#ifndef KEFU_CLI_MAPPING_H
#define KEFU_CLI_MAPPING_H

#include "wall.h"
#include "data/yaml.h"

struct pair {
    text key, value;
};

struct pairs {
    const struct pair *at;
    size_t n;
};
/* Absent text if there is none of that key. */
text pairs_get(struct pairs pairs, text key);

enum column {
    COLUMN_SOURCE_ID,
    COLUMN_CHANNEL,
    COLUMN_CREATED,
    COLUMN_PROMISED,
    COLUMN_CLOSED,
    COLUMN_STATUS,
    COLUMN_STATUS_AT,
    COLUMN_DEPARTMENT,
    COLUMN_TOPIC,
    COLUMN_WORDS,
    COLUMN_ADDRESS,
    COLUMNS
};
extern const char *const column_names[COLUMNS + 1];

struct path {
    text name;
    struct yaml_texts steps;
    text exit;
};

enum moment_of { AT_NEVER, AT_STATUS, AT_CLOSED };

struct status {
    text name;
    const struct path *path;
    enum moment_of at;
};

/* The values in a step's form. */
struct form {
    text action;
    struct pairs fields;
};

struct mapping {
    text name, source, kind;
    const char *encoding; /* one of encoding_names */
    char separator;       /* '\0': the one that fits the header */
    struct zone *zone;
    text columns[COLUMNS]; /* names in the file's header */
    text class, locale, org_unit, recorder;
    struct pairs channels, departments, topics;
    text topic_default;
    const struct path *paths;
    size_t paths_n;
    const struct status *statuses;
    size_t statuses_n;
    const struct form *forms;
    size_t forms_n;
    text acting;
    text stand_in, stand_in_words, stand_in_topic, stand_in_channel;
    time_us until;
};

/* NULL with err (file:line). The zone inside belongs to the mapping. */
MUST_CHECK const struct mapping *mapping_read(const char *file, struct arena *arena,
                                              struct err *err);
void mapping_finish(const struct mapping *mapping); /* NULL is fine */
const struct status *mapping_status(const struct mapping *mapping, text name);
const struct form *mapping_form(const struct mapping *mapping, text action);
/* The value of the longest prefix that fits. */
text mapping_topic(const struct mapping *mapping, text topic);

#endif
