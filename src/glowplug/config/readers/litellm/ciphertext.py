"""What a string in LiteLLM's database is: plain, ciphertext that opens, a mask, or ciphertext that nobody can open.

LiteLLM keeps values as NaCl SecretBox (nonce of 24 bytes, then the box) in base64 of either alphabet, without a mark,
or as `v2:gcm:` and base64 of AES-256-GCM (nonce of 12 bytes, ciphertext, tag of 16); in metadata with `litellm_enc::`
in front.  The key is the SHA-256 of a key string in all of them, and nothing says which key string.  A client that
edits what an API gave it encrypts twice.

Formats: observed on LiteLLM 1.72 to 1.109.  A value that cannot be opened is never returned.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from glowplug.config.readers.foreign import Value
from glowplug.secret import Secret

GCM_PREFIX = "v2:gcm:"
MARKER = "litellm_enc::"
MOST_LAYERS = 3
"""Encryptions of one value that are taken off."""
_GCM_NONCE = 12
_GCM_LEAST = _GCM_NONCE + 16
_BOX_NONCE = 24
_BOX_LEAST = _BOX_NONCE + 16
_BASE64 = re.compile(r"[A-Za-z0-9_-]*={0,2}|[A-Za-z0-9+/]*={0,2}")
"""One alphabet or the other: a name with both a slash and a hyphen is no ciphertext."""
_BASE64_LEAST = 54
"""Characters that 40 bytes have in base64, without padding."""
_DISTINCT_LEAST = 20
"""Different characters among them.  Random text of that length has 37 and below 20 once in 10⁹."""
_MASK = re.compile(r"\*{4}|\A\*{3}\Z|\A\S{1,8}\.{3}\S{1,8}\Z")
"""`abcd****wxyz` of LiteLLM's API, `sk-...wxyz` of its lists.  A wildcard (`*`, `openai/*`) is none."""
_MASK_ALONE = re.compile(r"\A\S*\*{4}\S*\Z")
"""The same where people write sentences too."""
_KEYS_OF_PROVIDERS = re.compile(
    r"sk-(?:proj|ant|svcacct|admin|or|lf)-|gsk_|csk-|xai-|nvapi-|gh[opsu]_|github_pat_|ABSK|bedrock-api-key-"
    r"|[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26}\Z"  # Azure's, since 2024
)
"""Real keys that are as long and as random as ciphertext is.  A box begins like one of these once in 10⁶."""
_SOMEBODYS_KEY = re.compile(r"sk-|hf_|fw_|pa-")
"""More of them, for what was in a box that opened: few boxes have another box in them that does not open."""


class Trouble(StrEnum):
    """Why a string is no value."""

    MASKED = "a mask was stored over it"
    LOCKED = "it is encrypted and none of the keys opens it"
    TOO_DEEP = "it is encrypted more than three times"
    DOUBTFUL = "what is in it is encrypted again with another key, or is a long random secret"


@dataclass(frozen=True)
class Plain:
    """It was never encrypted."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class Opened:
    text: str = field(repr=False)
    keys: tuple[int, ...]
    """Which key opened each layer, the outermost first: places in the list of keys that were given."""

    @property
    def layers(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Masked:
    """Stars where the value was, encrypted or not; the value is lost."""

    trouble: Trouble = Trouble.MASKED


@dataclass(frozen=True)
class Unopenable:
    trouble: Trouble = Trouble.LOCKED


Leaf = Plain | Opened | Masked | Unopenable


@dataclass(frozen=True)
class Unreadable:
    """A string of a tree that is no value."""

    path: str
    """`api_key`, `extra_headers.Authorization`, `tags[2]`."""
    trouble: Trouble


@dataclass(frozen=True)
class Tree:
    """A document, opened."""

    values: Mapping[str, Value] = field(repr=False)
    """What it says; strings that are no values are not there."""
    unreadable: tuple[Unreadable, ...] = ()
    keys: frozenset[int] = frozenset()
    """The keys that opened something of it."""
    layers: int = 0
    """Encryptions of the value that had the most."""


class Opener:
    """Opens strings with candidate keys, tried in the order given: the salt key, the master key, earlier ones.

    Raises ValueError for an empty key.  Loads the ciphers, which a process that never imports has no use for.
    """

    def __init__(self, keys: Sequence[Secret] = (), *, random_secrets: bool = False) -> None:
        """`random_secrets`: somebody says that long random text within what opens is a secret, and no ciphertext."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from nacl.exceptions import CryptoError
        from nacl.secret import SecretBox

        if not all(keys):
            raise ValueError("a key to open LiteLLM's values with is empty")
        derived = [derive_key(key) for key in keys]
        boxes = [SecretBox(key) for key in derived]
        ciphers = [AESGCM(key) for key in derived]

        def box(key: int, data: bytes) -> bytes | None:
            try:
                return boxes[key].decrypt(data)
            except CryptoError:
                return None

        def gcm(key: int, data: bytes) -> bytes | None:
            try:
                return ciphers[key].decrypt(data[:_GCM_NONCE], data[_GCM_NONCE:], None)
            except InvalidTag:
                return None

        self._random_secrets = random_secrets
        self._count = len(derived)
        self._box: Callable[[int, bytes], bytes | None] = box
        self._gcm: Callable[[int, bytes], bytes | None] = gcm

    def classify(self, text: str, *, marked: bool = False) -> Leaf:
        """What `text` is.

        `marked`: it stands where LiteLLM writes plaintext, so that something random is an id and not ciphertext, unless
        it has a mark or opens.
        """
        keys: list[int] = []
        current = text
        while (layer := self._open(current)) is not None:
            if len(keys) == MOST_LAYERS:
                return Unopenable(Trouble.TOO_DEEP)
            key, current = layer
            keys.append(key)
        if (_MASK_ALONE if marked and not keys else _MASK).search(current):
            return Masked()
        if current.startswith((GCM_PREFIX, MARKER)):
            return Unopenable()
        if not keys:
            return Unopenable() if not marked and looks_like_ciphertext(current) else Plain(current)
        doubtful = not self._random_secrets and not _SOMEBODYS_KEY.match(current) and looks_like_ciphertext(current)
        return Unopenable(Trouble.DOUBTFUL) if doubtful else Opened(current, tuple(keys))

    def open_tree(self, values: Mapping[str, Value], *, marked: bool = False) -> Tree:
        """Every string of a document classified; `marked` as for `classify`."""
        unreadable: list[Unreadable] = []
        keys: set[int] = set()
        layers = 0

        def walk(value: Value, path: str) -> Iterator[Value]:
            """The value at a path, or nothing when it is none."""
            nonlocal layers
            if isinstance(value, str):
                leaf = self.classify(value, marked=marked)
                if isinstance(leaf, Masked | Unopenable):
                    unreadable.append(Unreadable(path, leaf.trouble))
                    return
                if isinstance(leaf, Opened):
                    keys.update(leaf.keys)
                    layers = max(layers, leaf.layers)
                yield leaf.text
            elif isinstance(value, dict):
                yield {name: one for name, below in value.items() for one in walk(below, f"{path}.{name}")}
            elif isinstance(value, list):
                yield [one for place, below in enumerate(value) for one in walk(below, f"{path}[{place}]")]
            else:
                yield value

        readable = {name: one for name, value in values.items() for one in walk(value, name)}
        return Tree(readable, tuple(unreadable), frozenset(keys), layers)

    def _open(self, text: str) -> tuple[int, str] | None:
        """The key that opens one layer and what is in it; None when it is no ciphertext or no key opens it."""
        body = text.removeprefix(MARKER)
        decrypt, least = self._box, _BOX_LEAST
        if body.startswith(GCM_PREFIX):
            body, decrypt, least = body.removeprefix(GCM_PREFIX), self._gcm, _GCM_LEAST
        data = _decoded(body)
        if len(data) < least:
            return None
        for key in range(self._count):
            plain = decrypt(key, data)
            if plain is not None:
                try:
                    return key, plain.decode()
                except UnicodeDecodeError:
                    return None
        return None


def derive_key(key: Secret) -> bytes:
    """The 32 bytes that LiteLLM encrypts with: one SHA-256 of the salt key (or the master key), no salt."""
    return sha256(key.reveal().encode()).digest()


def looks_like_ciphertext(text: str) -> bool:
    """Whether a string without a mark is most likely an encrypted value: base64 of at least 40 bytes, and random.

    Names, sentences, addresses, hexadecimal hashes and the keys of well-known providers are not.  Doubt goes to
    ciphertext: a value that is refused can be given again, one that is used wrongly is found much later.
    """
    text = "".join(text.split())
    if len(text) < _BASE64_LEAST or not _BASE64.fullmatch(text) or _KEYS_OF_PROVIDERS.match(text):
        return False
    body = text.rstrip("=")
    letters = Counter(body)
    words = letters["-"] * 6 > len(body)
    return not words and len(letters) >= _DISTINCT_LEAST and body.upper() != body and body.lower() != body


def _decoded(text: str) -> bytes:
    """The bytes of base64 in either alphabet, padded or not; nothing for what is not base64.

    Strict on purpose: a lenient decoder takes `*` for zero bytes, and a wildcard for an empty name.
    """
    text = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    if not text.isascii() or len(text) % 4 == 1:
        return b""
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except NotBase64:
        return b""
