"""contribute_keys: put Gemini API keys from standard input into the pool."""

import sys
from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import audit
from accounts.contributing import Contribution, contribute_many
from accounts.models import ContributedKey

_BATCH = 500


class Command(BaseCommand):
    """One line a key out: the start of its fingerprint and the verdict, never the key."""

    help = (
        "Reads Gemini API keys from standard input, one a line (blank lines and # comments are skipped), and puts them "
        "into the pool. Prints a line a key: fingerprint and added or duplicate, or the line's number and malformed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What is known of the keys besides their text; it holds for all of them."""
        parser.add_argument("--project", type=_short, default="", help="The Google project whose quota they share.")
        parser.add_argument("--label", type=_short, default="", help="A name to know them by.")
        parser.add_argument("--paid", action="store_true", help="Their project has billing: no quota is assumed.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status 1 when no key was added or here already."""
        if sys.stdin.isatty():
            self.stderr.write("Keys, one a line, then Ctrl-D:")
        lines = _key_lines(sys.stdin.buffer)
        counts: Counter[str] = Counter()
        while batch := list(islice(lines, _BATCH)):
            done = contribute_many(
                [text for _, text in batch],
                source=ContributedKey.Source.COMMAND,
                project=options["project"],
                label=options["label"],
                paid=options["paid"],
            )
            for (number, _), contribution in zip(batch, done, strict=True):
                self.stdout.write(_line_about(contribution, number))
                counts[contribution.verdict] += 1
        self.stderr.write(f"{counts['added']} added, {counts['duplicate']} duplicate, {counts['malformed']} malformed.")
        if counts["added"]:
            audit.record(None, "contributed", table="contributed key", name=f"{counts['added']} keys")
        if not counts["added"] + counts["duplicate"]:
            raise CommandError("No key was added.")


def _key_lines(stdin: BinaryIO) -> Iterator[tuple[int, str]]:
    """Each line's number and text, without blank lines and comments. What is not UTF-8 comes out as malformed."""
    for number, line in enumerate(stdin, start=1):
        text = line.decode("utf-8", "replace").removeprefix("\ufeff").strip()
        if text and not text.startswith("#"):
            yield number, text


def _line_about(contribution: Contribution, number: int) -> str:
    if contribution.key is None:
        return f"line {number} {contribution.verdict}"
    return f"{contribution.key.fingerprint[:12]} {contribution.verdict}"


def _short(text: str) -> str:
    if len(text) > 100 or not text.isprintable():
        raise ArgumentTypeError("must be at most 100 printable characters")
    return text
