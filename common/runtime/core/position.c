#include "runtime/core/position.h"

#include <inttypes.h>
#include <string.h>

void position_write(const int64_t done[SOURCES_MAX], struct buf *out)
{
    for (int s = 0; s < runtime.sources_n; s++)
        buf_printf(out, "%s%s=%" PRId64 "%s%.*s", s == 0 ? "" : " ", runtime.sources[s].name,
                   done[s], runtime.sources[s].journal[0] == '\0' ? "" : "@", JOURNAL_MARK,
                   runtime.sources[s].journal);
}

/* "17@1a2b3c4d": the number, and how the uuid of the journal begins that it is of. */
static int64_t read_seq(int source, text word)
{
    int64_t seq = 0;
    size_t at = 0;
    while (at < word.len && word.at[at] != '@') at++;
    if (source < 0 || !text_to_int((text){word.at, at}, &seq)) return 0;
    if (word.len == at + 1 + JOURNAL_MARK && runtime.sources[source].journal[0] == '\0')
        memcpy(runtime.sources[source].journal, word.at + at + 1, JOURNAL_MARK);
    return seq;
}

void position_read(int64_t done[SOURCES_MAX], text seqs)
{
    for (size_t at = 0; at < seqs.len;) {
        size_t equal = at, end;
        while (equal < seqs.len && seqs.at[equal] != '=') equal++;
        for (end = equal; end < seqs.len && seqs.at[end] != ' ';) end++;
        int source = runtime_source((text){seqs.at + at, equal - at});
        if (equal < end && source >= 0)
            done[source] = read_seq(source, (text){seqs.at + equal + 1, end - equal - 1});
        at = end + 1;
    }
}
