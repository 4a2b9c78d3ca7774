#!/usr/bin/python3
"""What a running system says about the requests imported into it: the verdicts of SLA-02 and SLA-25, by source id.

    verdicts.py DIR [SOURCE]  > got.tsv        DIR: that of `kefu up`; SOURCE: as in the mapping (baltimore-311)

Asks intake which ticket came of which source id (source.list), and escalation how each clock stands (clock.verdicts). The stand-in
for the originals of duplicates is no row of the file and is left out.
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import kefu  # noqa: E402
import yaml  # noqa: E402

MAPPING = os.path.join(HERE, "..", "..", "deploy", "import", "baltimore.yaml")


def pages(client, kind, key, **body):
    more, after = True, {}
    while more:
        page = client.ask(kind, limit=1000, **body, **after)
        rows = page.get("rows") or []
        yield from rows
        more = page["more"]
        after = {"after": rows[-1][key]} if rows else {}


def by_ticket(client, name):
    """Ticket -> verdict. A request has one clock of each name: one promise, one first handler."""
    found = {}
    for row in pages(client, "clock.verdicts", "ticket", name=name):
        if row["ticket"] in found:
            raise SystemExit(f"verdicts: ticket {row['ticket']} has two clocks {name}")
        found[row["ticket"]] = row["verdict"]
    return found


def collect(intake, escalation, source, stand_in):
    """Rows (source id, SLA-02, SLA-25), sorted."""
    first, promised = by_ticket(escalation, "SLA-02"), by_ticket(escalation, "SLA-25")
    tickets = [(row["source_id"], row["ticket"]) for row in pages(intake, "source.list", "source_id", source=source)]
    return sorted((name, first.get(ticket, "-"), promised.get(ticket, "-")) for name, ticket in tickets if name != stand_in)


def write(rows, path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("source_id\tsla02\tsla25\n")
        file.writelines("\t".join(row) + "\n" for row in rows)


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    with open(MAPPING, encoding="utf-8") as file:
        mapping = yaml.safe_load(file)
    with open(os.path.join(sys.argv[1], "run.json"), encoding="utf-8") as file:
        where = {child["service"]: child["endpoint"] for child in json.load(file)["children"]}
    for service, address in where.items():
        kefu.know(address, service, kefu.Keys(os.path.join(sys.argv[1], "secrets")))
    source = sys.argv[2] if len(sys.argv) == 3 else mapping["source"]
    write(collect(kefu.Client(where["intake"]), kefu.Client(where["escalation"]), source, mapping["stand_in"]["source_id"]), "/dev/stdout")
    return 0


if __name__ == "__main__":
    sys.exit(main())
