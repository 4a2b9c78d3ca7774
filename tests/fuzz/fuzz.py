#!/usr/bin/python3
"""Runs the fuzzers, each from what is kept of it in tests/fuzz/corpus and from what it found earlier (B/corpus), and prints a
table. Exit status 1 if one found a fault; the input that shows it is then in B/findings.

  tests/fuzz/fuzz.py --seconds=60            every fuzzer for a minute, as many at once as there are cores
  tests/fuzz/fuzz.py --seconds=60 json yaml  those whose name contains one of the words
  tests/fuzz/fuzz.py --keep [WORD...]        keep in tests/fuzz/corpus the smallest inputs that reach all that was reached so far
"""
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.path.join(ROOT, os.environ.get("B", "build")))
KEPT = os.path.join(ROOT, "tests", "fuzz", "corpus")
FOUND = os.path.join(BUILD, "corpus")
WORDS = os.path.join(BUILD, "fuzz.words")
FINDINGS = os.path.join(BUILD, "findings")
KEPT_BYTES = 8192  # of each fuzzer
LIMITS = ["-timeout=20", "-rss_limit_mb=3072", "-max_len=4096"]
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="strict_string_checks=1", UBSAN_OPTIONS="print_stacktrace=1")


def folders(name):
    """Where its inputs are: what it finds itself is written into the first."""
    both = [os.path.join(FOUND, name), os.path.join(KEPT, name)]
    for folder in both:
        os.makedirs(folder, exist_ok=True)
    return both


def write_words():
    """The names in messages and policies, for fuzzers to put together: bare, and as MessagePack writes them."""
    words = set()
    for path in glob.glob(f"{ROOT}/proto/*.msg") + glob.glob(f"{ROOT}/deploy/*/**/*.yaml", recursive=True):
        with open(path, encoding="utf-8") as file:
            words |= set(re.findall(r"^\W*(?:(?:event|command|query|answer|struct) )?([a-z][a-z_.]{2,30})\b", file.read(), re.M))
    with open(WORDS, "w", encoding="utf-8") as out:
        for word in sorted(words):
            out.write(f'"{word}"\n"\\x{0xa0 + len(word):02x}{word}"\n')


def call(name, *options, seconds):
    begun = time.monotonic()
    command = [os.path.join(BUILD, "fuzz", name), *LIMITS, f"-artifact_prefix={FINDINGS}/{name}-", *options]
    try:
        done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds + 300)
        status, output = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        status, output = -1, (late.stdout or b"").decode(errors="replace") + "\nfuzz.py: it did not end"
    with open(os.path.join(FINDINGS, f"{name}.log"), "w", encoding="utf-8") as log:
        log.write(output)
    return status, output, time.monotonic() - begun


def fuzz(name, seconds):
    status, output, took = call(name, f"-max_total_time={seconds}", f"-dict={WORDS}", "-print_final_stats=1", *folders(name), seconds=seconds)
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    why = re.search(r"SUMMARY: (.*)|(fuzz.py: .*)", output)
    verdict = "ok" if status == 0 else f"FAULT: {why.group(0) if why else f'status {status}'}"
    kept = sum(len(os.listdir(folder)) for folder in folders(name))
    return name, int(runs.group(1)) if runs else 0, kept, took, verdict, output


def keep(name):
    """The smallest set of inputs that reaches every branch reached so far, the shortest first, up to KEPT_BYTES."""
    merged = os.path.join(BUILD, "merged", name)
    shutil.rmtree(merged, ignore_errors=True)
    os.makedirs(merged)
    status, output, _ = call(name, "-set_cover_merge=1", "-use_counters=0", merged, *folders(name), seconds=600)
    if status != 0:
        return f"not merged: {output[-300:]}"
    room, n = KEPT_BYTES, 0
    shutil.rmtree(os.path.join(KEPT, name))
    os.makedirs(os.path.join(KEPT, name))
    for path in sorted(glob.glob(f"{merged}/*"), key=os.path.getsize):
        room -= os.path.getsize(path)
        if room < 0:
            break
        n += 1
        shutil.copy(path, os.path.join(KEPT, name, os.path.basename(path)[:12]))
    return f"{n} inputs of {len(os.listdir(merged))}, {KEPT_BYTES - max(room, 0)} bytes"


def main():
    options = [word for word in sys.argv[1:] if word.startswith("--")]
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    names = [os.path.basename(source)[:-2] for source in sorted(glob.glob(f"{ROOT}/tests/fuzz/fuzz_*.c"))]
    names = [name for name in names if not words or any(word in name for word in words)]
    os.makedirs(FINDINGS, exist_ok=True)
    if "--keep" in options:
        for name in names:
            print(f"{name:<30} {keep(name)}", flush=True)
        return 0
    write_words()
    seconds = int(options[0].split("=")[1]) if options else 10
    print(f"{'fuzzer':<30} {'runs':>10} {'inputs':>7} {'seconds':>8}  result", flush=True)
    faults = []
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("FUZZ_JOBS", os.cpu_count()))) as pool:
        for name, runs, kept, took, verdict, output in pool.map(lambda name: fuzz(name, seconds), names):
            print(f"{name:<30} {runs:>10} {kept:>7} {took:>8.1f}  {verdict}", flush=True)
            faults += [(name, output)] if verdict != "ok" else []
    for name, output in faults:
        print(f"\n---- {name} (inputs and logs: {os.path.relpath(FINDINGS, ROOT)})\n" + "\n".join(output.splitlines()[-60:]))
    print(f"{len(names)} fuzzers, {len(faults)} found a fault")
    return 1 if faults or not names else 0


if __name__ == "__main__":
    sys.exit(main())
