"""Write long lists of words and phrases as plain blocks of text and make one pattern of them."""

import re

_BETWEEN = re.compile(r"\s{2,}|\n")


def any_of(*blocks: str) -> str:
    r"""Join phrases into one alternation; each line holds one or more of them, two blanks apart.

    Within a phrase a single blank matches any white space. Phrases are fragments of a regular expression, so
    `refunds?` and `(?:my|our) plan` mean what they say; none may repeat a group that itself repeats something.

    >>> any_of("best regards  cheers")
    '(?:best\\s+regards|cheers)'
    """
    phrases = (phrase for block in blocks for phrase in _BETWEEN.split(block.strip()))
    return "(?:" + "|".join(phrase.replace(" ", r"\s+") for phrase in phrases) + ")"
