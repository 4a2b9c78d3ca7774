#!/usr/bin/python3
"""What the import must come to, computed without Kefu: file + roster + calendar -> verdicts of SLA-02 and SLA-25.

    oracle.py FILE.csv [--until 'MM/DD/YYYY hh:mm:ss AM|PM'] [--map M.yaml] [--staff S.yaml] [--policy P.yaml]  > want.tsv
    oracle.py FILE.csv --counts      also explains every figure on standard error
    oracle.py FILE.csv --expect 'sla25.met=7830 sla25.breached=1715'      exit 1 if a figure differs

Never looks at clock events. The rules are those written in deploy/import/baltimore.yaml; README.md here derives the figures.
"""
import argparse
import bisect
import collections
import csv
import datetime
import os
import re
import sys
from zoneinfo import ZoneInfo

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, '..', '..', 'deploy', 'import')
DAYS = ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')
ONE_DAY = datetime.timedelta(days=1)


class Wall:
    """Wall-clock readings of one zone <-> seconds since 1970."""

    def __init__(self, zone):
        self.zone = ZoneInfo(zone)

    def instant(self, reading):
        """fold=0 is the offset before a change: the first of two readings; a skipped reading moves forward."""
        return int(reading.replace(tzinfo=self.zone, fold=0).timestamp())

    def parse(self, words):
        words = words.strip()
        return self.instant(datetime.datetime.strptime(words, '%m/%d/%Y %I:%M:%S %p')) if words else None

    def date(self, instant):
        return datetime.datetime.fromtimestamp(instant, self.zone).date()

    def span(self, date, hours):
        """'07:00-19:00' on a date -> (open, close)."""
        bounds = []
        for part in hours.split('-'):
            hour, minute = map(int, part.split(':'))
            day = date + ONE_DAY * (hour // 24)
            bounds.append(self.instant(datetime.datetime.combine(day, datetime.time(hour % 24, minute))))
        if bounds[1] <= bounds[0]:
            raise SystemExit(f'oracle: shifts and hours over midnight are not foreseen: {hours}')
        return tuple(bounds)


def union(spans):
    merged = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def spread(wall, weeks, first, last):
    """All spans of weekly patterns [{day: [hours]}] from the date `first` to `last`."""
    spans = []
    date = first
    while date <= last:
        for week in weeks:
            spans += [wall.span(date, hours) for hours in week.get(DAYS[date.weekday()], ())]
        date += ONE_DAY
    return union(spans)


class Spans:
    """Disjoint half-open spans in order of time."""

    def __init__(self, spans):
        self.spans = spans
        self.ends = [end for _, end in spans]

    def next(self, t):
        """The earliest instant >= t inside a span; None if there is none."""
        i = bisect.bisect_right(self.ends, t)
        return max(t, self.spans[i][0]) if i < len(self.spans) else None

    def add(self, t, seconds):
        """The earliest instant with `seconds` of span time behind t."""
        i = bisect.bisect_right(self.ends, t)
        while i < len(self.spans):
            start, end = max(t, self.spans[i][0]), self.spans[i][1]
            if seconds <= end - start:
                return start + seconds
            seconds -= end - start
            i += 1
        raise SystemExit('oracle: the calendar ends too early')


def duty_weeks(staff):
    for person in staff['staff']:
        week = staff['shifts'][person['shifts']]
        yield {day: [hours] for day, hours in week.items()}


def service_week(policy):
    week = collections.defaultdict(list)
    for part in policy['service_hours']['hours'].split(';'):
        day, hours = part.split()
        week[day] += hours.split(',')
    return week


class Row:
    """One request: when it is opened, walked and ended (or not)."""

    def __init__(self, line, mapping, wall, until):
        column = mapping['columns']
        self.id = line[column['source_id']].strip()
        status = mapping['statuses'][line[column['status']].strip()]
        self.path = status['path']
        self.opened = wall.parse(line[column['created']])
        self.due = wall.parse(line[column['promised']])
        moment = {'status': column['status_at'], 'closed': column['closed']}.get(status.get('at'))
        at = wall.parse(line[moment]) if moment else None
        self.moment = None
        if at is not None and max(at, self.opened) <= until:
            self.moment = max(at, self.opened)
        self.exit = self.path in ('merged', 'retyped')
        self.ends = self.path == 'closed' or self.exit
        self.exists = self.opened <= until


def verdict(due, done, left, until):
    """done: when the clock was stopped for good; left: when an exit ended it; both or either may be None."""
    if done is not None and (left is None or done <= left):
        return 'met' if done <= due else 'breached'
    if left is not None:
        return 'breached' if left > due else 'none'
    return 'breached' if until > due else 'running'


def promised(row, until):
    if row.due is None:
        return '-'
    end = row.moment if row.ends else None
    return verdict(row.due, None if row.exit else end, end if row.exit else None, until)


def named(row, duty, until):
    """When somebody is first named: by the queue, or by the walk that needs a handler."""
    moments = [duty.next(row.opened)]
    if not row.exit:
        moments.append(row.moment)
    moments = [t for t in moments if t is not None and t <= until]
    return min(moments) if moments else None


def judge(rows, duty, service, limit, until):
    for row in rows:
        due, name = service.add(row.opened, limit), named(row, duty, until)
        row.named_at_due = name == due
        row.named_by_walk = name is not None and name == row.moment and duty.next(row.opened) != name
        first = verdict(due, name, row.moment if row.exit else None, until)
        yield row, first, promised(row, until)


def seconds(limit):
    number, unit = re.fullmatch(r'(\d+)(h|m)', limit).groups()
    return int(number) * {'h': 3600, 'm': 60}[unit]


def compute(options):
    load = lambda path: yaml.safe_load(open(path, encoding='utf-8'))
    mapping, staff, policy = load(options.map), load(options.staff), load(options.policy)
    wall = Wall(mapping['time']['zone'])
    until = wall.parse(options.until or mapping['until'])
    with open(options.file, encoding='utf-8', newline='') as file:
        rows = [Row(line, mapping, wall, until) for line in csv.DictReader(file)]
    rows = [row for row in rows if row.exists]
    first = wall.date(min(row.opened for row in rows))
    last = wall.date(until) + 30 * ONE_DAY
    duty = Spans(spread(Wall(staff['zone']), list(duty_weeks(staff)), first, last))
    service = Spans(spread(Wall(policy['service_hours']['zone']), [service_week(policy)], first, last))
    limit = seconds(policy['clocks']['SLA-02']['limit'])
    return list(judge(rows, duty, service, limit, until)), until


def figures(judged, until):
    count = collections.Counter()
    for row, sla02, sla25 in judged:
        count['rows'] += 1
        count[f'sla02.{sla02}'] += 1
        count[f'sla25.{sla25}'] += 1
        count['sla02.met_exactly_at_due'] += row.named_at_due and sla02 == 'met'
        count['sla02.named_by_the_walk'] += row.named_by_walk
        if sla25 != '-':
            count['sla25.with_due'] += 1
        if sla25 == 'met' and row.moment == row.due:
            count['sla25.met_exactly_at_due'] += 1
        if sla25 == 'breached':
            count['sla25.breached_' + ('late' if row.ends and row.moment is not None else 'open')] += 1
            count['sla25.breached_through_exit'] += row.exit and row.moment is not None
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file')
    parser.add_argument('--until')
    parser.add_argument('--map', default=os.path.join(DATA, 'baltimore.yaml'))
    parser.add_argument('--staff', default=os.path.join(DATA, 'baltimore-staff.yaml'))
    parser.add_argument('--policy', default=os.path.join(DATA, 'baltimore-policy.yaml'))
    parser.add_argument('--counts', action='store_true')
    parser.add_argument('--expect', default='')
    options = parser.parse_args()
    judged, until = compute(options)
    count = figures(judged, until)
    if options.counts:
        for name in sorted(count):
            print(f'{count[name]:6} {name}', file=sys.stderr)
    wrong = 0
    for word in options.expect.split():
        name, want = word.split('=')
        if count[name] != int(want):
            wrong = 1
            print(f'oracle: {name} is {count[name]}, expected {want}', file=sys.stderr)
    if not options.expect:
        print('source_id\tsla02\tsla25')
        for row, sla02, sla25 in sorted(judged, key=lambda j: j[0].id):
            print(f'{row.id}\t{sla02}\t{sla25}')
    return wrong


if __name__ == '__main__':
    sys.exit(main())
