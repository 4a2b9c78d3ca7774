#!/usr/bin/python3
"""Are two tables of verdicts the same?

    compare.py WANT.tsv GOT.tsv        columns source_id, sla02, sla25; any order of rows

Exit 0 when equal, 1 when not (the differing ids are listed), 2 when a file cannot be read.
"""
import collections
import csv
import sys

COLUMNS = ['source_id', 'sla02', 'sla25']
WORDS = {'met', 'breached', 'none', 'running', '-'}
MOST = 40


def read(path):
    with open(path, encoding='utf-8', newline='') as file:
        table = csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE)
        if table.fieldnames != COLUMNS:
            raise ValueError(f'{path}: columns are {table.fieldnames}, not {COLUMNS}')
        rows = {}
        for line in table:
            number, name = table.line_num, line['source_id']
            if name in rows:
                raise ValueError(f'{path}:{number}: {name} stands there twice')
            rows[name] = tuple(line[column] for column in COLUMNS[1:])
            if not set(rows[name]) <= WORDS:
                raise ValueError(f'{path}:{number}: verdicts {rows[name]} are not among {sorted(WORDS)}')
        return rows


def tally(rows):
    for at, clock in enumerate(COLUMNS[1:]):
        count = collections.Counter(verdicts[at] for verdicts in rows.values())
        print(f'  {clock}: ' + ', '.join(f'{word} {count[word]}' for word in sorted(count)))


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        want, got = read(sys.argv[1]), read(sys.argv[2])
    except (OSError, ValueError) as problem:
        print(f'compare: {problem}', file=sys.stderr)
        return 2
    differing = [name for name in sorted(want.keys() | got.keys()) if want.get(name) != got.get(name)]
    if not differing:
        print(f'equal: {len(want)} source ids')
        tally(want)
        return 0
    print(f'{len(differing)} of {len(want)} source ids differ (source_id: want sla02 sla25, got sla02 sla25)')
    for name in differing[:MOST]:
        print(f'  {name}: want {" ".join(want.get(name, ("missing",)))}, got {" ".join(got.get(name, ("missing",)))}')
    if len(differing) > MOST:
        print(f'  and {len(differing) - MOST} more')
    return 1


if __name__ == '__main__':
    sys.exit(main())
