"""N3: names of characteristics that are one slip of the hand away from a known one («ширрина», «длина кабуля»).

A wrong match is worse than none: another name is another meaning («модуль» is no «модель», «частота» no «чистота»).
So nearness (`rapidfuzz`) only nominates, and the slip itself must be a known kind: a letter doubled or halved, two
letters swapped, a neighbouring key, letters that sound alike; in long words any letter lost or added. Another ending
is another form of the word and no slip: «подключения» are ports, «подключение» is a kind of joint. Words and numbers
agree one to one, the first letter is right, and no other characteristic is as near.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import ratio
from rapidfuzz.process import cdist

# One wrong letter of six scores 83.3.
CUTOFF = 83.0
SHORTEST_WORD = 6
# From this length on any letter may be missing or extra: «сторона» is no «страна».
LONG_WORD = 9
LONGEST_NAME = 80
NAME_LIMIT = 50_000
_CHUNK = 1000

_ENDINGS = frozenset("аеиоуыэюяйьхм")
_KEYBOARD = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")
_OFFSETS = (0.0, 0.4, 0.9)
_KEY_WIDTH = 1.1  # neighbours are one apart, or half a key on the row above and below
_KEYS = {
    letter: (row, column + _OFFSETS[row])
    for row, letters in enumerate(_KEYBOARD)
    for column, letter in enumerate(letters)
}
_SOUNDS = frozenset(
    frozenset(pair)
    for pair in ("оа", "еи", "эе", "яе", "ыи", "юу", "дт", "зс", "бп", "вф", "гк", "жш", "шщ", "чщ", "ьъ")
)


def find_typos(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """The characteristics that misspelt names mean.

    Args:
        names: folded names that nothing is known of.
        known: folded spelling -> characteristic.

    Returns:
        name -> characteristic, for those that are one slip from spellings of exactly one.
    """
    spellings = _by_letter(known)
    found: dict[str, str] = {}
    for letter, group in _by_letter(names).items():
        candidates = spellings.get(letter, [])
        for start in range(0, len(group) if candidates else 0, _CHUNK):
            chunk = group[start : start + _CHUNK]
            scores = cdist(chunk, candidates, scorer=ratio, score_cutoff=CUTOFF, dtype=np.float32)
            meant: defaultdict[str, set[str]] = defaultdict(set)
            for row, column in np.argwhere(scores > 0):
                if is_slip(chunk[row], candidates[column]):
                    meant[chunk[row]].add(known[candidates[column]])
            found |= {name: min(bases) for name, bases in meant.items() if len(bases) == 1}
    return found


def _by_letter(names: Iterable[str]) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        if SHORTEST_WORD <= len(name) <= LONGEST_NAME:
            groups[name[0]].append(name)
    return groups


def is_slip(name: str, spelling: str) -> bool:
    """True if exactly one word is misspelt, and by one slip."""
    words, right = name.split(), spelling.split()
    if len(words) != len(right):
        return False
    different = [(word, other) for word, other in zip(words, right, strict=True) if word != other]
    return len(different) == 1 and _word_slip(*different[0])


def _word_slip(word: str, right: str) -> bool:
    """True if a word is one slip from the right one; names of models and numbers are never misspelt."""
    shortest, longest = sorted((word, right), key=len)
    if len(shortest) < SHORTEST_WORD - 1 or len(longest) < SHORTEST_WORD or word[0] != right[0]:
        return False
    if not (word.isalpha() and right.isalpha()) or OSA.distance(word, right, score_cutoff=1) > 1:
        return False
    at = next((n for n, (a, b) in enumerate(zip(word, right, strict=False)) if a != b), len(shortest))
    if at == len(longest) - 1 and _ENDINGS.issuperset(word[at:] + right[at:]):
        return False
    if len(word) == len(right):
        if at == len(word) - 1 and len(word) < LONG_WORD and _ENDINGS.isdisjoint(word[at] + right[at]):
            return False  # «листок» is no «листов»
        return word[at + 1 :] != right[at + 1 :] or _near(word[at], right[at])
    # The odd letter is the same as one beside it, or the word is long enough to bear it.
    doubled = longest[at] == longest[at - 1]
    return doubled or len(longest) >= LONG_WORD


def _near(letter: str, other: str) -> bool:
    """True for letters that sound alike or whose keys touch."""
    if frozenset((letter, other)) in _SOUNDS:
        return True
    if letter not in _KEYS or other not in _KEYS:
        return False
    (row, column), (other_row, other_column) = _KEYS[letter], _KEYS[other]
    return abs(row - other_row) <= 1 and abs(column - other_column) <= _KEY_WIDTH
