#include "base/settings.h"

#include "base/file.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VARIABLE_SIZE = 128, SECRET_SIZE = 4096 };

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

bool settings_span(text value, int64_t *out)
{
    size_t digits = 0;
    while (digits < value.len && isdigit((unsigned char)value.at[digits])) digits++;
    text number = {value.at, digits}, unit = {value.at + digits, value.len - digits};
    int64_t count;
    if (!text_to_int(number, &count)) return false;
    if (unit.len == 0) return *out = 0, count == 0; /* 5 of what? */
    for (size_t i = 0; i < COUNT(units); i++) {
        if (text_is(unit, units[i].name)) return !__builtin_mul_overflow(count, units[i].ms, out);
    }
    return false;
}

static bool read_bool(text value, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no",
                                                                                "off", "0"};
    for (size_t i = 0; i < COUNT(yes); i++) {
        *out = text_is(value, yes[i]);
        if (*out || text_is(value, no[i])) return true;
    }
    return false;
}

static int read_secret(const char **out, const char *name, text path, struct arena *arena,
                       struct err *err)
{
    struct buf file = {0};
    *out = NULL;
    if (path.len == 0) return 0;
    int bad = file_secret(path.at, SECRET_SIZE, &file, err);
    text rest = buf_text(&file), line = text_take(&rest, '\n');
    if (line.len > 0 && line.at[line.len - 1] == '\r') line.len--;
    if (bad == 0 && line.len == 0) bad = err_set(err, "the first line of %s is empty", path.at);
    if (bad == 0) *out = arena_text(arena, line).at;
    if (file.at != NULL) explicit_bzero(file.at, file.len);
    buf_finish(&file);
    if (bad < 0) err_prefix(err, "%s", name);
    if (bad < 0 && err != NULL) text_fit(err->field, sizeof(err->field), text_of(name));
    return bad;
}

static int check_range(const struct setting *row, int64_t value, struct err *err)
{
    if (value >= row->min && value <= row->max) return 0;
    const char *unit = row->type == SETTING_SPAN ? "ms" : "";
    return err_field(err, row->name, NULL,
                     "%s: %" PRId64 "%s is outside %" PRId64 "%s to %" PRId64 "%s", row->name,
                     value, unit, row->min, unit, row->max, unit);
}

/* HOST:PORT */
static bool has_port(text address)
{
    const char *colon = memrchr(address.at, ':', address.len);
    int64_t port;
    if (colon == NULL || colon == address.at) return false;
    text digits = {colon + 1, address.len - (size_t)(colon + 1 - address.at)};
    return text_to_int(digits, &port) && port >= 1 && port <= 65535;
}

static bool is_endpoint(text value)
{
    size_t scheme = strlen("tcp://");
    return text_starts(value, "tcp://") && has_port((text){value.at + scheme, value.len - scheme});
}

static bool is_peer(text value)
{
    if (!text_starts(value, "static:")) return is_endpoint(value);
    (void)text_take(&value, ':');
    bool good = value.len > 0;
    while (good && value.len > 0) good = has_port(text_take(&value, ','));
    return good;
}

static int check_address(const struct setting *row, text value, struct err *err)
{
    bool peer = row->type == SETTING_PEER;
    if (value.len == 0 || (peer ? is_peer(value) : is_endpoint(value))) return 0;
    return err_field(err, row->name, NULL, "%s: \"%s\" is not tcp://HOST:PORT%s, 1 to 65535",
                     row->name, value.at, peer ? " or static:NUMBER:PORT,..." : "");
}

static int read_text(const struct setting *row, const char **out, text value, struct arena *arena,
                     struct err *err)
{
    if ((int64_t)value.len < row->min || (row->max > 0 && (int64_t)value.len > row->max))
        return err_field(err, row->name, NULL, "%s: its length must be %" PRId64 " to %" PRId64,
                         row->name, row->min, row->max);
    for (size_t i = 0; i < value.len; i++)
        if (iscntrl((unsigned char)value.at[i]))
            return err_field(err, row->name, NULL, "%s: has control characters", row->name);
    bool address = row->type == SETTING_ENDPOINT || row->type == SETTING_PEER;
    if (address && check_address(row, value, err) < 0) return -1;
    *out = arena_text(arena, value).at;
    return 0;
}

static int set_value(const struct setting *row, text value, struct arena *arena, struct err *err)
{
    void *at = row->at;
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_DSN:
    case SETTING_ENDPOINT:
    case SETTING_PEER: return read_text(row, at, value, arena, err);
    case SETTING_SECRET: return read_secret(at, row->name, value, arena, err);
    case SETTING_BOOL:
        if (read_bool(value, at)) return 0;
        return err_field(err, row->name, NULL, "%s: \"%s\" is neither true nor false", row->name,
                         value.at);
    case SETTING_INT:
        if (text_to_int(value, at)) return check_range(row, *(int64_t *)at, err);
        return err_field(err, row->name, NULL, "%s: \"%s\" is not a whole number", row->name,
                         value.at);
    case SETTING_SPAN:
        if (settings_span(value, at)) return check_range(row, *(int64_t *)at, err);
        return err_field(err, row->name, NULL,
                         "%s: \"%s\" is not a time span such as 250ms, 2s, 10m, 1h, 3d", row->name,
                         value.at);
    }
    return err_field(err, row->name, NULL, "%s: unknown type of setting", row->name);
}

/* The name of a variable: KEFU_INTAKE_LEASE for ("intake", "lease"), KEFU_LEASE for (NULL,
   "lease"). */
static void name_variable(char out[VARIABLE_SIZE], const char *service, const char *name)
{
    snprintf(out, VARIABLE_SIZE, "KEFU_%s%s%s", service == NULL ? "" : service,
             service == NULL ? "" : "_", name);
    for (char *p = out; *p != '\0'; p++) *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

static const char *find_variable(const char *service, const char *name)
{
    char variable[VARIABLE_SIZE];
    name_variable(variable, service, name);
    const char *value = getenv(variable);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* Value of "--name=value" or of a bare "--name" of a bool; the last one wins; NULL if there is
   none. */
static const char *find_argument(const struct setting *row, char *const *argv)
{
    const char *found = NULL;
    size_t len = strlen(row->name);
    for (size_t i = 1; argv[i] != NULL; i++) {
        if (strncmp(argv[i], "--", 2) != 0 || strncmp(argv[i] + 2, row->name, len) != 0) continue;
        const char *rest = argv[i] + 2 + len;
        if (*rest == '=') found = rest + 1;
        if (*rest == '\0' && row->type == SETTING_BOOL) found = "true";
    }
    return found;
}

static const struct setting *find_row(const struct settings *settings, text name)
{
    for (size_t t = 0; t < SETTINGS_TABLES; t++) {
        const struct settings_table *table = &settings->tables[t];
        for (size_t i = 0; i < table->n; i++) {
            if (text_is(name, table->rows[i].name)) return &table->rows[i];
        }
    }
    return NULL;
}

static int check_argument(const struct settings *settings, const char *argument,
                          enum settings_wish *wish, struct err *err)
{
    if (strcmp(argument, "--help") == 0) return *wish = SETTINGS_HELP, 0;
    if (strcmp(argument, "--print-settings") == 0) {
        if (*wish != SETTINGS_HELP) *wish = SETTINGS_PRINT;
        return 0;
    }
    if (strncmp(argument, "--", 2) != 0)
        return err_set(err, "unexpected argument \"%s\"; see --help", argument);
    text name = {argument + 2, strcspn(argument + 2, "=")};
    const struct setting *row = find_row(settings, name);
    if (row == NULL) return err_set(err, "unknown option %s; see --help", argument);
    if (name.at[name.len] == '\0' && row->type != SETTING_BOOL)
        return err_field(err, row->name, NULL, "%s: write --%s=VALUE", row->name, row->name);
    return 0;
}

static int read_row(const struct settings *settings, const struct setting *row, char *const *argv,
                    struct arena *arena, struct err *err)
{
    const char *value = find_argument(row, argv);
    if (value == NULL) value = find_variable(settings->service, row->name);
    if (value == NULL) value = find_variable(NULL, row->name);
    if (value == NULL) value = row->standard;
    if (value != NULL) return set_value(row, text_of(value), arena, err);
    char variable[VARIABLE_SIZE];
    name_variable(variable, NULL, row->name);
    return err_field(err, row->name, NULL, "%s: must be given, as --%s=VALUE or in %s", row->name,
                     row->name, variable);
}

int settings_read(const struct settings *settings, char *const *argv, struct arena *arena,
                  enum settings_wish *wish, struct err *err)
{
    *wish = SETTINGS_RUN;
    for (size_t i = 1; argv[i] != NULL; i++) {
        if (check_argument(settings, argv[i], wish, err) != 0) return -1;
    }
    if (*wish == SETTINGS_HELP) return 0;
    for (size_t t = 0; t < SETTINGS_TABLES; t++) {
        const struct settings_table *table = &settings->tables[t];
        for (size_t i = 0; i < table->n; i++) {
            if (read_row(settings, &table->rows[i], argv, arena, err) != 0) return -1;
        }
    }
    return 0;
}

static void add_span(struct buf *out, int64_t ms)
{
    size_t i = COUNT(units) - 1;
    while (i > 0 && (ms == 0 || ms % units[i].ms != 0)) i--;
    buf_printf(out, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
}

static void add_help(struct buf *out, const struct settings *settings, const struct setting *row)
{
    static const char *const values[] = {"TEXT", "NUMBER", "BOOL",     "SPAN",
                                         "FILE", "DSN",    "ENDPOINT", "PEER"};
    char variable[VARIABLE_SIZE], general[VARIABLE_SIZE];
    name_variable(variable, settings->service, row->name);
    name_variable(general, NULL, row->name);
    buf_printf(out, "\n  --%s=%s  (%s, %s)\n      %s", row->name, values[row->type], variable,
               general, row->doc);
    if (row->standard == NULL) {
        buf_printf(out, " Must be given.");
    } else if (row->standard[0] != '\0') {
        buf_printf(out, " Default: %s.", row->standard);
    }
    if (row->type == SETTING_INT)
        buf_printf(out, " From %" PRId64 " to %" PRId64 ".", row->min, row->max);
    if (row->type == SETTING_SPAN) {
        buf_printf(out, " From ");
        add_span(out, row->min);
        buf_printf(out, " to ");
        add_span(out, row->max);
        buf_add_char(out, '.');
    }
    buf_add_char(out, '\n');
}

void settings_help(struct buf *out, const struct settings *settings)
{
    buf_printf(out, "Usage: %s [--name=value]...\n\n  --help            print this and end\n",
               settings->program);
    buf_printf(out, "  --print-settings  print the settings in force and end\n");
    buf_printf(out, "\nA SPAN is a number and its unit: 250ms, 2s, 10m, 1h, 3d.\n");
    for (size_t t = 0; t < SETTINGS_TABLES; t++) {
        const struct settings_table *table = &settings->tables[t];
        for (size_t i = 0; i < table->n; i++) add_help(out, settings, &table->rows[i]);
    }
}

/* Either form of libpq's: `password=` among the words or parameters, or a URL with user:password@.
 */
static bool has_password(const char *dsn)
{
    const char *host = strstr(dsn, "://"), *at = host == NULL ? NULL : strchr(host + 3, '@');
    bool in_user = at != NULL && memchr(host + 3, ':', (size_t)(at - host - 3)) != NULL;
    return in_user || strcasestr(dsn, "password") != NULL;
}

static bool is_string(enum setting_type type)
{
    return type == SETTING_TEXT || type == SETTING_SECRET || type == SETTING_DSN ||
           type == SETTING_ENDPOINT || type == SETTING_PEER;
}

static void add_setting_value(struct buf *out, const struct setting *row)
{
    const void *at = row->at;
    const char *string = is_string(row->type) ? *(const char *const *)at : NULL;
    bool hidden = row->type == SETTING_SECRET ||
                  (row->type == SETTING_DSN && string != NULL && has_password(string));
    buf_printf(out, "%s=", row->name);
    if (string != NULL) buf_add_text(out, hidden ? TEXT("(set)") : text_of(string));
    if (row->type == SETTING_BOOL) buf_printf(out, "%s", *(const bool *)at ? "true" : "false");
    if (row->type == SETTING_INT) buf_printf(out, "%" PRId64, *(const int64_t *)at);
    if (row->type == SETTING_SPAN) add_span(out, *(const int64_t *)at);
    buf_add_char(out, '\n');
}

void settings_print(struct buf *out, const struct settings *settings)
{
    for (size_t t = 0; t < SETTINGS_TABLES; t++) {
        const struct settings_table *table = &settings->tables[t];
        for (size_t i = 0; i < table->n; i++) add_setting_value(out, &table->rows[i]);
    }
}
