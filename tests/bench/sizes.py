"""How much is measured: the whole (40 minutes at most on two cores) and the short form (5), which shows that it works and little else."""
from floors import BATCH

FULL = {
    "rounds": 2, "clients": (1, 2, 4),           # of pgbench: the best counts
    "tickets": BATCH * 32,                       # of one chain, and of the replay
    "contacts": {1: 400, 100: 8000, 1000: 10000},  # by window
    "idle": 120, "rate": 1000, "paced": 10,      # commands; tickets a second on the timetable; seconds
    "rabbit": {1: 1000, 100: 10000, 1000: 20000}, "rabbit_rounds": 3,
    "armed": 1000000, "fired": 10000, "spread": 60,
    "behind": 1000000,
    "held": (60, 600, 60), "look": 15,           # a snapshot's seconds: early, late, after release; of each look
    "aged": 2000000, "bursts": 2,
}
SHORT = {
    "rounds": 1, "clients": (1, 2), "tickets": BATCH * 8, "contacts": {1: 100, 100: 2000, 1000: 4000},
    "idle": 40, "rate": 1000, "paced": 3,
    "rabbit": {1: 200, 100: 2000, 1000: 4000}, "rabbit_rounds": 1,
    "armed": 20000, "fired": 1000, "spread": 6,
    "behind": 40000,
    "held": (5, 10, 5), "look": 3,
    "aged": 20000, "bursts": 1,
}
