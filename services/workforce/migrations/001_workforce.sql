-- workforce: the tree of units, the people, and when they were on duty.

CREATE TABLE unit (
    unit text PRIMARY KEY,
    parent text,
    type text NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL
);

CREATE TABLE staff (
    staff text PRIMARY KEY,
    name text NOT NULL,
    unit text NOT NULL,
    roles text NOT NULL,
    skills text,
    superior text,
    deputy text,
    email text,
    webhook text,
    locale text NOT NULL,
    most_open bigint,
    active boolean NOT NULL
);

-- The present state, one row for each person who was ever on duty.
CREATE TABLE duty (
    staff text PRIMARY KEY,
    on_duty boolean NOT NULL,
    roster text NOT NULL,
    since timestamptz NOT NULL
) WITH (fillfactor = 80);

-- Every time on duty, from when to when: the basis of attendance.
CREATE TABLE stint (
    staff text NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    roster text NOT NULL,
    PRIMARY KEY (staff, began_at),
    CHECK (ended_at >= began_at)
);
