"""Ready snippets: how each client is told this server's address, its token and a model."""

from compat.snippets.code import CODE
from compat.snippets.programs import PROGRAMS
from compat.snippets.snippet import EMBEDDING_MODEL, MODEL, Snippet

__all__ = ["EMBEDDING_MODEL", "MODEL", "SNIPPETS", "Snippet"]

SNIPPETS = (*CODE, *PROGRAMS)
