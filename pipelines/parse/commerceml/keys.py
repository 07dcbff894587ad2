"""Keys of CommerceML: what joins an offer to its goods, and the short article of goods that have none (O1)."""

from __future__ import annotations

import base64
import hashlib

# 80 bits in letters and digits: fits the 20 characters of an article and what CSV lets one be made of.
SHORT_KEY_LENGTH = 16
_SHORT_KEY_BYTES = 10
_VARIANT_MARK = "#"


def key_of(sent: str) -> str:
    """An Ид as it is compared: `goods#variant` whole, without the spaces and the `#` some exports put around it."""
    return sent.strip(" \t\r\n" + _VARIANT_MARK)


def goods_key(key: str) -> str:
    """The key of the goods that an offer is a variant of, or is."""
    return key.partition(_VARIANT_MARK)[0]


def short_key(external_id: str) -> str:
    """The article of an offer that has none of its own: the same for the same Ид, for ever."""
    digest = hashlib.sha256(external_id.encode()).digest()
    return base64.b32encode(digest[:_SHORT_KEY_BYTES]).decode("ascii").lower()
