"""What a snippet is."""

import re
from typing import NamedTuple

MODEL = "gpt-4o-mini"
EMBEDDING_MODEL = "text-embedding-3-small"

SHELL, FORM = "shell", "settings"
VARIABLE, BY_HAND = "$TUMBLER_TOKEN", "your token"
PYTHON, NODE = 'os.environ["TUMBLER_TOKEN"]', "process.env.TUMBLER_TOKEN"

_PLACES = re.compile(r"\b(?:BASE_URL|ROOT_URL|MODEL|TOKEN)\b")


class Snippet(NamedTuple):
    """One client; `text` has the words BASE_URL (or ROOT_URL, which ends before /v1), MODEL and TOKEN in it."""

    name: str
    where: str
    """What the text is, or where it goes."""
    token: str
    """What stands for the token, until the reader gives the page one to put in its place."""
    text: str

    def filled(self, base_url: str) -> str:
        """The text for this server."""
        known = {"BASE_URL": base_url, "ROOT_URL": base_url.removesuffix("/v1"), "MODEL": MODEL, "TOKEN": self.token}
        return _PLACES.sub(lambda place: known[place[0]], self.text)

    @property
    def quotes(self) -> bool:
        """True where the token stands without quotes until it is a text."""
        return "env" in self.token

    @property
    def slug(self) -> str:
        """Its name in an address."""
        return self.name.lower().replace(" ", "-")
