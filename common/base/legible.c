#include "base/legible.h"

enum character {
    GLYPH,
    BLANK,
    LINE_END, /* and tabs: in words only */
    HIDDEN,   /* no glyph: in words only */
    JOINER,   /* no glyph: in words, and in a line behind a glyph beyond ASCII */
    CONTROL,  /* nowhere */
};

/* In ascending order; a character in no row is a glyph. Unicode 15: Default_Ignorable_Code_Point,
   White_Space, Cc, Zl, Zp, and the marks of interlinear annotation. */
static const struct {
    uint32_t first, last;
    enum character kind;
} ranges[] = {
    {0x00, 0x08, CONTROL},      /* ASCII */ {0x09, 0x0a, LINE_END},
    {0x0b, 0x0c, CONTROL},      {0x0d, 0x0d, LINE_END},
    {0x0e, 0x1f, CONTROL},      {0x20, 0x20, BLANK},
    {0x7f, 0x9f, CONTROL},      {0xa0, 0xa0, BLANK},
    {0xad, 0xad, HIDDEN},       /* soft hyphen */
    {0x34f, 0x34f, HIDDEN},     /* grapheme joiner */
    {0x61c, 0x61c, HIDDEN},     /* Arabic letter mark */
    {0x115f, 0x1160, HIDDEN},   /* Hangul fillers */
    {0x1680, 0x1680, BLANK},    /* Ogham */
    {0x17b4, 0x17b5, HIDDEN},   /* Khmer */
    {0x180b, 0x180f, HIDDEN},   /* Mongolian */
    {0x2000, 0x200a, BLANK},    /* of different widths */
    {0x200b, 0x200b, HIDDEN},   /* zero width space */
    {0x200c, 0x200d, JOINER},   /* zero width (non-)joiner */
    {0x200e, 0x200f, HIDDEN},   /* marks of direction */
    {0x2028, 0x2029, LINE_END}, /* line and paragraph separator */
    {0x202a, 0x202e, CONTROL},  /* embeddings and overrides of direction */
    {0x202f, 0x202f, BLANK},    /* narrow */
    {0x205f, 0x205f, BLANK},    /* of mathematics */
    {0x2060, 0x2065, HIDDEN},   /* word joiner, invisible operators */
    {0x2066, 0x2069, CONTROL},  /* isolates of direction */
    {0x206a, 0x206f, CONTROL},  /* deprecated: they change the form of what follows */
    {0x2800, 0x2800, BLANK},    /* Braille */
    {0x3000, 0x3000, BLANK},    /* of Chinese text */
    {0x3164, 0x3164, HIDDEN},   /* Hangul filler */
    {0xfe00, 0xfe0f, JOINER},   /* variation selectors */
    {0xfeff, 0xfeff, HIDDEN},   /* byte order mark */
    {0xffa0, 0xffa0, HIDDEN},   /* Hangul filler, half width */
    {0xfff0, 0xfff8, HIDDEN},   /* not assigned */
    {0xfff9, 0xfffb, CONTROL},  /* interlinear annotation */
    {0x1bca0, 0x1bca3, HIDDEN}, /* shorthand */
    {0x1d173, 0x1d17a, HIDDEN}, /* music */
    {0xe0000, 0xe00ff, HIDDEN}, /* tags */
    {0xe0100, 0xe01ef, JOINER}, /* variation selectors of ideographs */
    {0xe01f0, 0xe0fff, HIDDEN}, /* not assigned */
};

static enum character kind_of(uint32_t code)
{
    size_t low = 0, high = COUNT(ranges);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ranges[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < COUNT(ranges) && ranges[low].first <= code ? ranges[low].kind : GLYPH;
}

/* The character at byte `at`; `size` is how many bytes it has. */
static uint32_t decode_character(text value, size_t at, size_t *size)
{
    const unsigned char *bytes = (const unsigned char *)value.at + at;
    size_t n = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    uint32_t code = n == 1 ? bytes[0] : bytes[0] & (0xffu >> (n + 1));
    if (n > value.len - at) n = value.len - at; /* not well-formed: read no further */
    for (size_t i = 1; i < n; i++) code = code << 6 | (bytes[i] & 0x3f);
    *size = n;
    return code;
}

static bool is_allowed(enum character kind, enum legible_form form, bool behind_glyph)
{
    switch (kind) {
    case GLYPH:
    case BLANK: return true;
    case LINE_END:
    case HIDDEN: return form == LEGIBLE_WORDS;
    case JOINER: return form == LEGIBLE_WORDS || behind_glyph;
    default: return false;
    }
}

bool legible_is(text value, enum legible_form form, uint32_t *fault)
{
    bool behind_glyph = false;
    size_t size;
    for (size_t i = 0; i < value.len; i += size) {
        uint32_t code = decode_character(value, i, &size);
        enum character kind = kind_of(code);
        if (!is_allowed(kind, form, behind_glyph)) return *fault = code, false;
        if (kind != JOINER) behind_glyph = kind == GLYPH && code > 0x7f;
    }
    return true;
}

text legible_trim(text value)
{
    size_t from = value.len, to = 0, size;
    for (size_t i = 0; i < value.len; i += size) {
        enum character kind = kind_of(decode_character(value, i, &size));
        if (from == value.len && kind == GLYPH) from = i;
        if (kind == GLYPH || kind == JOINER) to = i + size;
    }
    return from == value.len ? (text){NULL, 0} : (text){value.at + from, to - from};
}

bool legible_is_blank(text value)
{
    return legible_trim(value).len == 0;
}

static void add_escape(struct buf *out, uint32_t code)
{
    if (code == '\n')
        buf_add_text(out, TEXT("\\n"));
    else if (code == '\t')
        buf_add_text(out, TEXT("\\t"));
    else if (code <= 0xffff)
        buf_printf(out, "\\u%04x", (unsigned)code);
    else /* as JSON writes it: two halves */
        buf_printf(out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (code >> 10)),
                   (unsigned)(0xdc00 | (code & 0x3ff)));
}

static bool shows_itself(uint32_t code, enum legible_form form, bool behind_glyph)
{
    enum character kind = kind_of(code);
    if (kind == LINE_END) return form == LEGIBLE_WORDS && (code == '\n' || code == '\t');
    return kind == GLYPH || kind == BLANK || (kind == JOINER && behind_glyph);
}

void legible_show(struct buf *out, text value, enum legible_form form)
{
    bool behind_glyph = false;
    size_t size;
    for (size_t i = 0; i < value.len; i += size) {
        uint32_t code = decode_character(value, i, &size);
        text bytes = {value.at + i, size};
        if (!text_is_utf8(bytes)) {
            size = 1;
            add_escape(out, (unsigned char)value.at[i]);
            behind_glyph = false;
            continue;
        }
        if (shows_itself(code, form, behind_glyph))
            buf_add_text(out, bytes);
        else
            add_escape(out, code);
        if (kind_of(code) != JOINER) behind_glyph = kind_of(code) == GLYPH && code > 0x7f;
    }
}
