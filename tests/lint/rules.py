"""The rules that the tree cites stand in deploy/policy/rules.md, each once."""
import collections
import re

from tree import line_of, matches, read

RULES = "deploy/policy/rules.md"
TEXTS = (".c", ".h", ".py", ".sh", ".js", ".css", ".html", ".msg", ".md", ".yaml", ".yml", ".sql", ".txt", ".json",
         "Makefile")
NOT_READ = ["tests/fuzz/corpus/*", "tests/unit/data/*", "tests/lint/rules.py"]

ENTRY = re.compile(r"^- \*\*([A-Z]{3}-T?\d\d)\*\* \S", re.M)
CITED = re.compile(r"(?<![\w-])([A-Z]{3}-T?\d{2})(?![\w-])")
NO_RULES = {"UTF-16"}
INVENTED = {"PRB-01", "PRB-02",                       # of the probe, which has no rules
            "CMP-99", "CMP-T70", "CMP-T77", "KPI-99"}  # of policies that must be refused
MAY_INVENT = ("tests/", "services/probe/")


def check_rule_ids(files):
    counts = collections.Counter(ENTRY.findall(read(RULES)))
    for rule, n in counts.items():
        if n > 1:
            yield f"{RULES}: {rule} stands {n} times"
    for path in files:
        if not path.endswith(TEXTS) or matches(path, NOT_READ):
            continue
        source = read(path)
        known = counts.keys() | NO_RULES | (INVENTED if path.startswith(MAY_INVENT) else set())
        for match in CITED.finditer(source):
            if match.group(1) not in known:
                yield f"{path}:{line_of(source, match.start())}: there is no rule {match.group(1)} in {RULES}"
