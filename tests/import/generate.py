#!/usr/bin/python3
"""Writes a file of invented service requests of the form that deploy/import/baltimore.yaml describes: 26 columns, local times.

    generate.py [--seed 311] [--rows 1500] > requests.csv       same seed, same bytes
    generate.py --until                                         prints the time at which an import of it is to end

Nothing in it is copied: streets, types and offices are made up. It covers what the rules of the import turn on, see EDGES.
"""
import argparse
import csv
import datetime
import random
import sys

COLUMNS = ('SRRecordID ServiceRequestNum SRType MethodReceived CreatedDate SRStatus StatusDate DueDate CloseDate Agency LastActivity '
           'LastActivityDate Outcome Address ZipCode Neighborhood CouncilDistrict PoliceDistrict PolicePost Latitude Longitude '
           'GeoLocation').split() + ['2010 Census Wards Precincts', '2010 Census Neighborhoods', 'Zip Codes', 'DaysOpen']

# The clocks go back on 2018-11-04 (01:00-02:00 twice) and forward on 2019-03-10 (no 02:00-03:00). Ends on a Sunday with nobody on duty.
FIRST = datetime.datetime(2018, 11, 2)
UNTIL = datetime.datetime(2019, 3, 17, 9, 0, 0)
FOLD = datetime.datetime(2018, 11, 4, 1, 0, 0)
GAP = datetime.datetime(2019, 3, 10, 2, 0, 0)

HOUR = datetime.timedelta(hours=1)
SECOND = datetime.timedelta(seconds=1)
DAY = datetime.timedelta(days=1)

#        type                       office          promised in   usual time to close
TYPES = (('TID-Leaf Pile',          'Tidy Office',     7 * DAY,     60 * HOUR),
         ('TID-Bin Missing',        'Tidy Office',    14 * DAY,     90 * HOUR),
         ('TID-Proactive Sweep',    'Tidy Office',     3 * DAY,      9 * HOUR),
         ('LAN-Lantern Dark',       'Lantern Office',  5 * DAY,     70 * HOUR),
         ('LAN-Lantern Flickers',   'Lantern Office', 10 * DAY,     70 * HOUR),
         ('PAV-Sunken Slab',        'Paving Office',   2 * DAY,     40 * HOUR),
         ('PAV-Crack, Long',        'Paving Office',  30 * DAY,    500 * HOUR),
         ('GAR-Branch Down',        'Garden Office',   1 * DAY,     14 * HOUR),
         ('GAR-New Bench Wanted',   'Garden Office',  None,        300 * HOUR),
         ('WAT-Hydrant Drips',      'Water Office',    2 * DAY,     20 * HOUR),
         ('WAT-Puddle Stays',       'Water Office',   21 * DAY,    200 * HOUR),
         ('WAT-Meter Look-Up',      'Water Office',    0 * DAY,      0 * HOUR))
TYPE_WEIGHTS = (14, 10, 17, 10, 5, 9, 4, 8, 3, 9, 5, 6)
CHANNELS = ('Phone', 'API', 'Internal', 'Mail', 'System', 'Other', 'Email', 'Web')
CHANNEL_WEIGHTS = (500, 257, 219, 20, 5, 3, 2, 2)
STATUSES = ('Closed', 'Closed (Duplicate)', 'Closed (Transferred)', 'Open', 'New', 'Pending', 'In Progress', 'Open (Duplicate)',
            'New (Duplicate)')
STATUS_WEIGHTS = (900, 40, 10, 22, 14, 8, 6, 3, 2)
HOUR_WEIGHTS = (3, 7, 14, 37, 55, 73, 73, 62, 66, 68, 78, 72, 58, 42, 36, 29, 22, 18, 12, 60, 60, 4, 4, 2)
DAY_WEIGHTS = (18, 19, 18, 17, 14, 6, 9)
STREETS = ('Marzipan Row', 'Teapot Lane', 'Umbrella Street', 'Snail Crescent', 'Old Button Road', 'Pumpkin Hill', 'Kite Avenue',
           'Paper Boat Quay', 'Thimble Court', 'Owl Parade')
QUARTERS = ('Upper Lanternfield', 'Buttonholme', 'Kitegate', 'Snailwick')


def stamp(time):
    return time.strftime('%m/%d/%Y %I:%M:%S %p') if time else ''


def some_time(dice):
    days = [FIRST + DAY * n for n in range((UNTIL - FIRST).days)]
    day = dice.choices(days, [DAY_WEIGHTS[day.weekday()] for day in days])[0]
    hour = dice.choices(range(24), HOUR_WEIGHTS)[0]
    return day + HOUR * hour + SECOND * dice.randrange(3600)


def ordinary(dice):
    """A request as it comes: what was promised, and most are closed in time, some late, some not at all."""
    kind, office, promise, usual = dice.choices(TYPES, TYPE_WEIGHTS)[0]
    row = {'SRType': kind, 'Agency': office, 'created': some_time(dice), 'status': dice.choices(STATUSES, STATUS_WEIGHTS)[0]}
    row['due'] = None if promise is None else row['created'] + promise
    took = SECOND * int(usual.total_seconds() * dice.lognormvariate(-0.3, 0.9) + dice.randrange(3, 90))
    row['closed'] = row['created'] + took if row['status'].startswith('Closed') else None
    if row['closed'] and row['closed'] >= UNTIL:
        row['closed'], row['status'] = None, dice.choice(('Open', 'New'))
    row['status_at'] = row['closed'] + SECOND if row['closed'] else row['created'] + HOUR * dice.randrange(0, 30)
    if dice.random() < 0.01:
        row['status_at'] = row['created'] - SECOND * dice.randrange(1, 4000)
    return row


def edge_close_at_due(dice, row):
    row.update(status='Closed', due=row['created'] + DAY, closed=row['created'] + DAY)


def edge_all_at_once(dice, row):
    row.update(status='Closed', due=row['created'], closed=row['created'])


def edge_due_at_opening(dice, row):
    row.update(status='Closed', due=row['created'], closed=row['created'] + SECOND)


def edge_exit_at_due(dice, row):
    row.update(status='Closed (Duplicate)', due=row['created'] + DAY, closed=row['created'] + DAY)


def edge_exit_late(dice, row):
    row.update(status=dice.choice(STATUSES[1:3]), due=row['created'] + DAY, closed=row['created'] + DAY + SECOND)


def edge_due_before_created(dice, row):
    row.update(due=row['created'] - SECOND * dice.randrange(1, 90000))


def edge_open_with_close_time(dice, row):
    row.update(status=dice.choice(STATUSES[3:]), closed=row['created'] + DAY)


def edge_close_before_created(dice, row):
    row.update(status='Closed', closed=row['created'] - SECOND * 20)


def edge_closed_without_time(dice, row):
    row.update(status=dice.choice(STATUSES[:3]), closed=None)


def edge_fold(dice, row):
    created = FOLD + SECOND * dice.randrange(3600)
    row.update(status='Closed', created=created, due=created + 5 * HOUR, closed=FOLD + SECOND * dice.randrange(7200))


def edge_gap(dice, row):
    created = GAP + SECOND * dice.randrange(3600)
    row.update(status='Closed', created=created, due=created + 2 * HOUR, closed=created + SECOND * dice.randrange(9000))


def edge_due_in_gap(dice, row):
    row.update(status='Open', created=GAP - 3 * HOUR, due=GAP + SECOND * dice.randrange(3600), closed=None)


def edge_saturday_exit(dice, row):
    saturday = datetime.datetime(2018, 11, 10, 13, 0, 0) + 7 * DAY * dice.randrange(17)
    row.update(status='Closed (Duplicate)', created=saturday + SECOND * dice.randrange(3600), due=None)
    row['closed'] = row['created'] + SECOND * dice.randrange(4 * 3600)


def edge_service_hours_used_up(dice, row):
    """Due for a name exactly when it is named: opened Tuesday night, named when Wednesday's shift starts."""
    row.update(status='Open', created=datetime.datetime(2018, 11, 6, 22) + 7 * DAY * dice.randrange(18), closed=None, due=None)


def edge_last_night(dice, row):
    """Nobody is on duty until the import ends: some deadlines pass, some still run."""
    row.update(status='New', created=UNTIL - SECOND * dice.randrange(1, 20 * 3600), closed=None)
    row['due'] = row['created'] + dice.choice((HOUR, DAY))


def edge_walked_before_named(dice, row):
    row.update(status=dice.choice(STATUSES[5:7]), created=datetime.datetime(2018, 12, 2, 8) + 7 * DAY * dice.randrange(12), closed=None)
    row['status_at'] = row['created'] + SECOND * dice.randrange(-600, 5 * 3600)


def edge_due_at_end(dice, row):
    row.update(status='Open', due=UNTIL + SECOND * dice.randrange(-1, 2), closed=None)


EDGES = ((edge_close_at_due, 20), (edge_all_at_once, 12), (edge_due_at_opening, 8), (edge_exit_at_due, 4), (edge_exit_late, 8),
         (edge_close_before_created, 4), (edge_closed_without_time, 4), (edge_fold, 14), (edge_gap, 10), (edge_due_in_gap, 2),
         (edge_saturday_exit, 14), (edge_service_hours_used_up, 4), (edge_last_night, 12), (edge_walked_before_named, 10),
         (edge_due_at_end, 6), (edge_due_before_created, 4), (edge_open_with_close_time, 4))


def dress(dice, number, row):
    """The columns that no rule turns on, with blanks where the real ones have blanks."""
    created, closed = row['created'], row['closed']
    if 'status_at' not in row:
        row['status_at'] = created
    line = dict.fromkeys(COLUMNS, '')
    line.update(SRRecordID=f'GEN-{number:05}', ServiceRequestNum=f'G-{number:05}', SRType=row['SRType'], Agency=row['Agency'],
                MethodReceived=dice.choices(CHANNELS, CHANNEL_WEIGHTS)[0], SRStatus=row['status'], CreatedDate=stamp(created),
                StatusDate=stamp(row['status_at']), DueDate=stamp(row['due']), CloseDate=stamp(closed))
    if dice.random() > 0.03:
        line['Address'] = f'{dice.randrange(1, 400)} {dice.choice(STREETS)}, NOWHERE, XX, 00000'
        line['Neighborhood'] = dice.choice(QUARTERS)
    if closed:
        line['DaysOpen'] = max((closed - created).days, 0)
    return line


def rows(seed, count):
    dice = random.Random(seed)
    edges = [edge for edge, times in EDGES for _ in range(times)]
    plain = [None] * (count - len(edges))
    order = edges + plain
    dice.shuffle(order)
    for number, edge in enumerate(order, 1):
        row = ordinary(dice)
        if edge:
            edge(dice, row)
        yield dress(dice, number, row)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seed', type=int, default=311)
    parser.add_argument('--rows', type=int, default=1500)
    parser.add_argument('--until', action='store_true')
    options = parser.parse_args()
    if options.until:
        print(stamp(UNTIL))
        return
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows(options.seed, options.rows))


if __name__ == '__main__':
    main()
