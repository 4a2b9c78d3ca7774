#!/usr/bin/python3
"""protogen: what it writes, bad files that must fail at a line, and the guard of published messages (proto/README.md)."""
import glob
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROTOGEN = os.path.join(ROOT, os.environ.get("B", "build"), "protogen")

GOOD = """# a comment

event a.b 1 key k n
  A sentence with "quotes" and a \\ in it.
  k  text   the key
  n  int
struct item
  about this is a sentence, though it starts small.
  at time?
command a.say 1 key k -> a.said
  k  text
  items [item]? items=20  some
  tags [text]
  said text? form=words max=300
  n int? min=0 max=9 a number
answer a.said 1
event a.b 2
  k  text
row item key at k n
  at time
  k  text
  n  int?
"""

# what is wrong, the file, its line, a part of what is said
BAD = [
    ("kind", "event a.b 1\n\nevnt a.c 1\n", 3, "'evnt' is not struct, event"),
    ("name", "event ab 1\n", 1, "'ab' cannot name"),
    ("two dots", "event a.b.c 1\n", 1, "'a.b.c' cannot name"),
    ("capitals", "event A.b 1\n", 1, "'A.b' cannot name"),
    ("dotted struct", "struct a.b\n", 1, "'a.b' cannot name"),
    ("long name", "row " + "x" * 48 + "\n", 1, "cannot name"),
    ("no version", "event a.b\n", 1, "'' is not a version"),
    ("version 0", "event a.b 0\n", 1, "'0' is not a version"),
    ("version word", "event a.b key\n", 1, "'key' is not a version"),
    ("no answer", "command a.b 1\n", 1, "names no answer"),
    ("unknown answer", "# x\nquery a.b 1 -> a.c\n", 2, "there is no answer a.c"),
    ("event as answer", "query a.b 1 -> a.c\nevent a.c 1\n", 1, "there is no answer a.c"),
    ("event with answer", "event a.b 1 -> a.c\nanswer a.c 1\n", 1, "'->' is not expected"),
    ("rest", "event a.b 1 2\n", 1, "'2' is not expected"),
    ("key without field", "event a.b 1 key\n", 1, "no field after key"),
    ("four keys", "row r key a b c d\n", 1, "more than 3 key fields"),
    ("unknown key", "event a.b 1 key x\n  A sentence.\n  y text\n", 1, "key field x is not a field"),
    ("optional key", "event a.b 1 key x\n  x text?\n", 1, "key field x must be"),
    ("list key", "row r key x\n  x [text]\n", 1, "key field x must be"),
    ("bool key", "row r key x\n  x bool\n", 1, "key field x must be"),
    ("field outside", "  x text\n", 1, "before the first block"),
    ("no type", "row r\n  x\n", 2, "field x has no type"),
    ("type", "row r\n  x text\n  y txt\n", 3, "'txt' is neither a type nor a struct"),
    ("late struct", "row r\n  x [s]\nstruct s\n  y int\n", 2, "'[s]' is neither"),
    ("struct in itself", "struct s\n  x [s]\n", 2, "'[s]' is neither"),
    ("bare struct", "struct s\n  y int\nrow r\n  x s\n", 4, "in a list only"),
    ("list of bool", "row r\n  x [bool]\n", 2, "no lists of bool"),
    ("field name", "row r\n  xY text\n", 2, "'xY' cannot name a field"),
    ("word of C", "row r\n  int int\n", 2, "'int' cannot name a field"),
    ("twice", "row r\n  x int\n  x text\n", 3, "field x stands twice"),
    ("block twice", "event a.b 1\n\nevent a.b 1\n", 3, "a_b_shape is already at"),
    ("same name in C", "event a.b_c 1\nanswer a_b.c 1\n", 2, "a_b_c_shape is already at"),
    ("zero byte", "event a.b 1\n  A\0B.\n", 2, "a zero byte"),
    ("comment mark", "event a.b 1\n  It ends */ here.\n", 2, "comment mark"),
    ("long line", "event a.b 1\n  A" + "a" * 1000 + ".\n", 2, "more than 998 bytes"),
    ("words of a number", "row r\n  x int form=words\n", 2, "x cannot have form=words"),
    ("form", "row r\n  x text form=line\n", 2, "x cannot have form=line"),
    ("limit of a time", "row r\n  x time max=3\n", 2, "x has no limit max=3"),
    ("least of a text", "row r\n  x text min=3\n", 2, "x has no limit min=3"),
    ("items of a text", "row r\n  x text items=3\n", 2, "x has no limit items=3"),
    ("limit word", "row r\n  x int max=3x\n", 2, "'3x' is no whole number"),
    ("no limit", "row r\n  x int max=\n", 2, "'' is no whole number"),
    ("nothing fits", "row r\n  x int min=4 max=3\n", 2, "nothing fits the limits of x"),
    ("no text fits", "row r\n  x text max=0\n", 2, "nothing fits the limits of x"),
    ("many fields", "row r\n" + "".join(f"  f{i} int\n" for i in range(65)), 66, "more than 64 fields"),
]

PUBLISHED = ("struct item\n  at time\n  note text?\n\nevent a.b 1 key k\n  k text\n  n int\n  list [item]?\n\n"
             "command a.say 1 key k -> a.said\n  k text\n\nanswer a.said 1\n")

# what changed, what is replaced by what, the exit status without and with --publish, a part of what is said
CHANGES = [
    ("nothing", "", "", 0, 0, ""),
    ("words", "k text\n  n", "k text   the key\n  n", 0, 0, ""),
    ("order", "  k text\n  n int\n", "  n int\n  k text\n", 0, 0, ""),
    ("new optional field", "  n int\n", "  n int\n  m int?\n", 1, 0, "5: a.b is not recorded"),
    ("new block", "answer", "event a.c 1\nanswer", 1, 0, "a.c is not recorded"),
    ("new version", "answer", "event a.b 2\n  k int\nanswer", 1, 0, "a.b is not recorded"),
    ("new row", "answer", "row a\nanswer", 0, 0, ""),
    ("new required field", "  n int\n", "  n int\n  m int\n", 1, 1, "8: m is new in a published message"),
    ("removed field", "  n int\n", "", 1, 1, "5: a.b was published with field n"),
    ("renamed field", "  n int\n", "  m int?\n", 1, 1, "was published with field n"),
    ("retyped field", "  n int\n", "  n id\n", 1, 1, "7: n of a.b was published as int, now it is id"),
    ("made required", "note text?", "note text", 1, 1, "3: note of item was published as text?, now it is text"),
    ("made optional", "n int", "n int?", 1, 1, "n of a.b was published as int, now it is int?"),
    ("made a list", "  n int", "  n [int]", 1, 1, "now it is [int]"),
    ("text became words", "note text?", "note text? form=words", 1, 0, "1: item is not recorded"),
    ("wider limit", "note text?", "note text? max=300", 1, 0, "1: item is not recorded"),
    ("narrower text", "note text?", "note text? max=100", 1, 1, "3: note of item was published with wider limits"),
    ("narrower number", "n int", "n int min=0", 1, 1, "7: n of a.b was published with wider limits"),
    ("shorter list", "[item]?", "[item]? items=9", 1, 1, "8: list of a.b was published with wider limits"),
    ("removed block", "event a.b 1 key k\n  k text\n  n int\n  list [item]?\n", "", 1, 1, "'event a.b 1 key k' was published and is gone"),
    ("other key", "event a.b 1 key k", "event a.b 1 key n", 1, 1, "5: was published as 'event a.b 1 key k'"),
    ("other answer", "-> a.said\n  k text\n", "-> a.told\n  k text\nanswer a.told 1\n", 1, 1, "-> a.said"),
]

failed = False


def report(name, problem):
    global failed
    failed = failed or bool(problem)
    print(f"not ok {name}: {problem}" if problem else f"ok {name}")


def call(*args):
    done = subprocess.run([PROTOGEN, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    return done.returncode, done.stderr


def write(path, content):
    with open(path, "w", encoding="utf-8") as out:
        out.write(content)
    return path


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def check_bad(folder, content, line, part):
    path = write(os.path.join(folder, "bad.msg"), content)
    status, said = call(path, os.path.join(folder, "out.msg"))
    if status != 1:
        return f"status {status}, not 1"
    if os.path.exists(os.path.join(folder, "out.msg.c")):
        return "something was written"
    return None if said.startswith(f"{path}:{line}: ") and part in said else f"said {said.strip()!r}"


def check_good(folder):
    os.makedirs(os.path.join(folder, "services", "shop"))
    rows = write(os.path.join(folder, "services", "shop", "rows.msg"), "row item key id\n  id id?\n")
    good, base = write(os.path.join(folder, "good.msg"), GOOD), os.path.join(folder, "good.msg")
    for args in ((good, base), (rows, os.path.join(folder, "shop_rows.msg")),
                 ("--all", os.path.join(folder, "all.msg.c"), good, rows)):
        status, said = call(*args)
        if status != 0:
            return f"{args}: {said.strip()}"
    for name in ("good.msg.c", "shop_rows.msg.c", "all.msg.c"):
        done = subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{ROOT}/common",
                               os.path.join(folder, name)], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            return f"{name} does not compile: {done.stderr}"
    header, source, all_c = read(base + ".h"), read(base + ".c"), read(os.path.join(folder, "all.msg.c"))
    expected = [
        (header, "struct a_b {\n    text k; /* the key */\n    int64_t n;\n};\nextern const struct shape a_b_shape;\n"),
        (header, "struct a_say {\n    text k;\n    struct list items; /* of struct item: some */\n"
                 "    struct list tags; /* of text */\n    text said;\n    struct maybe_int n; /* a number */\n};\n"),
        (header, "struct item_row {\n    time_us at;"),
        (header, "struct a_b_2 {"),
        (header, "/* struct item: about this is a sentence, though it starts small. */"),
        (source, '{"items", FIELD_STRUCT, FIELD_OPTIONAL | FIELD_LIST, offsetof(struct a_say, items), &item_shape, "some", 0LL, 0LL, 20}'),
        (source, '{"tags", FIELD_TEXT, FIELD_LIST, offsetof(struct a_say, tags), NULL, "", 0LL, 200LL, 100}'),
        (source, '{"n", FIELD_INT, FIELD_OPTIONAL | FIELD_MAYBE, offsetof(struct a_say, n), NULL, "a number", 0LL, 9LL, 0}'),
        (source, '{"k", FIELD_TEXT, 0 | FIELD_FILLED, offsetof(struct a_b, k), NULL, "the key", 0LL, 200LL, 0}'),
        (source, '{"said", FIELD_TEXT, FIELD_OPTIONAL | FIELD_WORDS, '),
        (source, '.doc = "A sentence with \\"quotes\\" and a \\\\ in it."'),
        (source, '.key = {&a_b_fields[0], &a_b_fields[1]}'),
        (source, '.kind = SHAPE_COMMAND, .version = 1, .service = "good"'),
        (source, ".answer = &a_said_shape"),
        (read(os.path.join(folder, "shop_rows.msg.h")), "#define item_row_shape shop_item_row_shape"),
        (all_c, "    &shop_item_row_shape,\n"),
        (all_c, "shape_all_n = 7;"),
    ]
    missing = [part for text, part in expected if part not in text]
    return f"lacks {missing[0]!r}" if missing else None


def check_change(folder, was, becomes, check_status, publish_status, part):
    published = write(os.path.join(folder, "published.txt"), PUBLISHED)
    now = write(os.path.join(folder, "now.msg"), PUBLISHED.replace(was, becomes, 1) if was else PUBLISHED)
    status, said = call("--check", published, now)
    if status != check_status or part not in said:
        return f"check: status {status}, said {said.strip()!r}"
    status, said = call("--publish", published, now)
    if status != publish_status:
        return f"publish: status {status}, said {said.strip()!r}"
    if publish_status == 1:
        return None if read(published) == PUBLISHED else "publish wrote in spite of a failure"
    return "what was just published fails the check" if call("--check", published, now)[0] != 0 else None


def check_published():
    """The messages of this tree against what is published."""
    files = sorted(glob.glob(os.path.join(ROOT, "proto", "*.msg")))
    status, said = call("--check", os.path.join(ROOT, "proto", "published.txt"), *files)
    return said.strip() if status != 0 else None


def check_endless(folder):
    """What has no end, or never begins, is refused at once."""
    fifo, large = os.path.join(folder, "fifo.msg"), os.path.join(folder, "large.msg")
    os.mkfifo(fifo)
    with open(large, "wb") as out:
        out.truncate(5 << 30)
    for path, part in (("/dev/zero", "is not a regular file"), (fifo, "is not a regular file"), (folder, "is not a regular file"),
                       (large, "is larger than 1024 KiB")):
        status, said = call(path, os.path.join(folder, "out.msg"))
        if status != 1 or part not in said:
            return f"{path}: status {status}, {said!r}"
    return None


def main():
    for what, content, line, part in BAD:
        with tempfile.TemporaryDirectory() as folder:
            report("bad file: " + what, check_bad(folder, content, line, part))
    with tempfile.TemporaryDirectory() as folder:
        report("endless files", check_endless(folder))
    with tempfile.TemporaryDirectory() as folder:
        report("good file", check_good(folder))
    for what, *change in CHANGES:
        with tempfile.TemporaryDirectory() as folder:
            report("published: " + what, check_change(folder, *change))
    report("published: this tree", check_published())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
