"""Who is meant, within one page and nowhere else."""

import hashlib
import secrets

DIGITS = 10


class Pseudonyms:
    """Names of one page alone: their key is kept nowhere, so nobody can look for whom one stands."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def of(self, name: str) -> str:
        """The same for a name throughout the page."""
        return hashlib.blake2b(name.encode(), key=self._key).hexdigest()[:DIGITS]
