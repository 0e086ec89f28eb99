"""The code that lets somebody make the first administrator.

A fresh installation has no user, so whoever reaches it first would own it. From the machine itself that is wanted;
from elsewhere the setup page asks for this code, which only somebody who can read the program's output knows. It is
derived from the secret key, so every process agrees on it and nothing is stored; it is worthless once a user exists.
"""

from __future__ import annotations

from django.utils.crypto import constant_time_compare, salted_hmac

from abmatic.identity.models import User

# Of the 64 hexadecimal digits of the hash: 96 bits, still short enough to be read out over the telephone.
CODE_LENGTH = 24


def setup_code() -> str:
    """The setup code of this installation: 24 hexadecimal digits."""
    return salted_hmac("abmatic.identity.setup", "first administrator", algorithm="sha256").hexdigest()[:CODE_LENGTH]


def is_setup_code(text: str) -> bool:
    """Whether ``text`` is the setup code; takes as long for a wrong one as for the right one."""
    return constant_time_compare(text.strip().lower(), setup_code())


def is_needed() -> bool:
    """True while the installation has no user at all."""
    return not User.objects.exists()
