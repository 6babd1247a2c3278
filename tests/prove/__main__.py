"""`make prove NAME [LONG=1]`: run one proof and show its figures; the long form is written to the record.

`--list` names them, `--check` tells what docs/reference/acceptance.md no longer vouches for: a page that is wrong
fails, a long run that is due is only named; `--check --strict`, before a release, fails for that too. Exit code 0 if
it holds, 1 if not, 2 for a name that is not known.
"""

from __future__ import annotations

import sys
import time

from tests.prove import record
from tests.prove.proof import SHORT_SECONDS, Proof, outcome_of, registry


def main(arguments: list[str]) -> int:
    """Do what the arguments say."""
    proofs = registry()
    names = [word for word in arguments if not word.startswith("-")]
    if "--check" in arguments:
        records = record.read()
        wrong, due = record.wrong(proofs, records), record.due(proofs, records)
        print("\n".join((*wrong, *due)) or f"{len(proofs)} proofs stand as recorded")
        return 1 if wrong or (due and "--strict" in arguments) else 0
    if "--list" in arguments or not names:
        for proof in proofs.values():
            print(f"{proof.name:<28} {proof.title}")
        return 0
    if unknown := [name for name in names if name not in proofs]:
        print(f"no proof named {', '.join(unknown)}; there are: {', '.join(proofs)}")
        return 2
    held = [prove(proofs[name], long="--long" in arguments) for name in names]
    return 0 if all(held) else 1


def prove(proof: Proof, *, long: bool) -> bool:
    """Run one form and show what it found."""
    start = time.monotonic()
    outcome = outcome_of(proof.long if long else proof.short)
    seconds = time.monotonic() - start
    print(f"{proof.name}: {proof.title}")
    for name, value in outcome.figures.items():
        print(f"  {name:<32} {value}")
    print(f"  seed {outcome.seed or 'none'}; load {outcome.load}; {seconds:.1f} s")
    in_time = long or seconds <= SHORT_SECONDS
    if not in_time:
        print(f"  too slow for a short form: at most {SHORT_SECONDS:.0f} s")
    print(f"  {'holds' if outcome.holds else 'DOES NOT HOLD: ' + outcome.why}")
    if long:
        records = record.read()
        records[proof.name] = record.recorded(proof, outcome)
        record.write(records.values())
    return outcome.holds and in_time


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
