"""Every string of a LiteLLM row is plain, opened, masked or refused; ciphertext and masks never come out as values."""

from __future__ import annotations

import os
import string
import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given
from hypothesis import strategies as st
from nacl.secret import SecretBox

from glowplug.config.readers.litellm.ciphertext import (
    GCM_PREFIX,
    MARKER,
    Masked,
    Opened,
    Opener,
    Plain,
    Trouble,
    Unopenable,
    Unreadable,
    derive_key,
    looks_like_ciphertext,
)
from glowplug.secret import Secret

VECTOR_KEY = Secret("sk-salt-test-vector")
BOX_VECTOR = "rp7ou-PbGqQSivDx5Qf_0D5pzIOAy3NQqdCUoC9Bo5JSY1_wQidj9M7aAZALbrITFq9VS4S_h3tIT-s1Ag=="
GCM_VECTOR = "v2:gcm:abvxQgvjNRKLwKY6HhntlgbzNJG4mfOzL_dW_C60--DJAyaxtmkXMtX2zc4bWBBFHA=="
VECTOR = "ollama_chat/qwen3:32b"

KEYS = [Secret("sk-salt"), Secret("sk-master"), Secret("sk-older")]
LOST = Secret("sk-nobody-has-this-any-more")
ENCODINGS = ("url-safe", "standard", "unpadded", "gcm", "marked box", "marked gcm")
ORDINARY = [
    "",
    "*",
    "openai/*",
    "==",
    "gpt-4o",
    "ollama_chat/qwen3:32b",
    "http://127.0.0.1:11434",
    "bWV0YS1sbGFtYQ==",
    "600",
    "os.environ/OPENAI_API_KEY",
    "a-very-long-name-of-a-model-that-somebody-gave-it-on-a-rainy-afternoon",
    "Qwen3-Coder-480B-A35B-Instruct-FP8-on-node-07-with-a-very-long-name",
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8-Original-Weights-2025",
    "a" * 80,
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
    "sk-proj-4Hq9vXw2LbT7nRk1YdZs8Jc5Gf3Mp6QaEuVtBxCiWoNyKzHj0SgDlFrIeTqUmPbAvXw2LbT7nRk1YdZs",
    "4Hq9vXw2LbT7nRk1YdZs8Jc5Gf3Mp6QaEuVtBxCiWoNyKzHj0SgDJQQJ99BFACYeBjFXJ3w3AAABACOGaB3d",
    "ABSKQmVkcm9ja0FQSUtleS1hYmNkLWF0LTEyMzQ1Njc4OTAxMjpTb21lUmFuZG9tQ2hhcnNIZXJlMTIz",
    "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",
    "Grüße, 世界 🦙 and sixty more characters of a sentence that is in no alphabet of base64",
]


def seal(text: str, key: Secret, encoding: str, nonce: bytes | None = None) -> str:
    """As LiteLLM does it, in one of the encodings it has or had."""
    derived = derive_key(key)
    if "gcm" in encoding:
        nonce = nonce or os.urandom(12)
        sealed = GCM_PREFIX + urlsafe_b64encode(nonce + AESGCM(derived).encrypt(nonce, text.encode(), None)).decode()
    else:
        box = bytes(SecretBox(derived).encrypt(text.encode(), nonce))
        sealed = (b64encode if encoding == "standard" else urlsafe_b64encode)(box).decode()
        if encoding == "unpadded":
            sealed = sealed.rstrip("=")
    return MARKER + sealed if encoding.startswith("marked") else sealed


@pytest.mark.parametrize("vector", [BOX_VECTOR, GCM_VECTOR, MARKER + BOX_VECTOR, BOX_VECTOR.replace("-", "+")])
def test_the_vectors_open(vector: str) -> None:
    leaf = Opener([Secret("sk-another"), VECTOR_KEY]).classify(vector)
    assert leaf == Opened(VECTOR, (1,))


def test_the_vector_in_the_standard_alphabet_opens() -> None:
    standard = BOX_VECTOR.replace("-", "+").replace("_", "/")
    assert Opener([VECTOR_KEY]).classify(standard) == Opened(VECTOR, (0,))


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_plain_and_comes_back_from_any_encoding(text: str) -> None:
    opener = Opener(KEYS)
    assert opener.classify(text) == Plain(text)
    for encoding in ENCODINGS:
        assert opener.classify(seal(text, KEYS[1], encoding)) == Opened(text, (1,))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_without_its_key_it_is_refused(encoding: str) -> None:
    for text in ("x", "openai/gpt-4o", "https://api.example.invalid/v1"):
        assert Opener(KEYS).classify(seal(text, LOST, encoding)) == Unopenable(Trouble.LOCKED)
        assert Opener([]).classify(seal(text, LOST, encoding)) == Unopenable(Trouble.LOCKED)


def test_a_damaged_or_cut_ciphertext_is_refused() -> None:
    opener = Opener([VECTOR_KEY])
    for cut in range(1, 20):
        assert isinstance(opener.classify(BOX_VECTOR.rstrip("=")[:-cut]), Unopenable)
        assert isinstance(opener.classify(GCM_VECTOR.rstrip("=")[:-cut]), Unopenable)
    flipped = ("A" if BOX_VECTOR[40] != "A" else "B").join([BOX_VECTOR[:40], BOX_VECTOR[41:]])
    assert isinstance(opener.classify(flipped), Unopenable)


@pytest.mark.parametrize("mask", ["sk-1****wxyz", "****", "***", "sk-...wxyz", "abcdefgh************"])
def test_a_mask_is_no_value_also_when_it_was_encrypted(mask: str) -> None:
    opener = Opener(KEYS)
    assert opener.classify(mask) == Masked()
    assert opener.classify(seal(mask, KEYS[0], "url-safe")) == Masked()
    assert opener.classify(seal(seal(mask, KEYS[0], "gcm"), KEYS[2], "url-safe")) == Masked()


def test_three_layers_with_different_keys_open_and_the_fourth_is_refused() -> None:
    text = "sk-the-real-one"
    for key, encoding in ((KEYS[2], "standard"), (KEYS[0], "gcm"), (KEYS[1], "url-safe")):
        text = seal(text, key, encoding)
    assert Opener(KEYS).classify(text) == Opened("sk-the-real-one", (1, 0, 2))
    assert Opener(KEYS).classify(seal(text, KEYS[0], "gcm")) == Unopenable(Trouble.TOO_DEEP)


def test_an_inner_layer_that_does_not_open_is_refused() -> None:
    twice = seal(seal("gpt-4o", LOST, "url-safe"), KEYS[0], "url-safe")
    assert Opener(KEYS).classify(twice) == Unopenable(Trouble.DOUBTFUL)
    twice = seal(seal("gpt-4o", LOST, "gcm"), KEYS[0], "url-safe")
    assert Opener(KEYS, random_secrets=True).classify(twice) == Unopenable(Trouble.LOCKED)


def test_a_long_random_secret_is_taken_when_somebody_says_so_or_its_maker_is_known() -> None:
    random = "4Hq9vXw2LbT7nRk1YdZs8Jc5Gf3Mp6QaEuVtBxCiWoNyKzHj0SgDlFrIeTqUmPb"
    assert Opener(KEYS).classify(seal(random, KEYS[0], "gcm")) == Unopenable(Trouble.DOUBTFUL)
    assert Opener(KEYS, random_secrets=True).classify(seal(random, KEYS[0], "gcm")) == Opened(random, (0,))
    assert Opener(KEYS, random_secrets=True).classify(random) == Unopenable(Trouble.LOCKED)
    for known in (f"sk-{random}", f"hf_{random}"):
        assert Opener(KEYS).classify(seal(known, KEYS[0], "gcm")) == Opened(known, (0,))


@pytest.mark.parametrize("module", ["config.readers.litellm.ciphertext", "moving.litellm.installation"])
def test_ciphers_and_drivers_are_loaded_by_whoever_uses_them(module: str) -> None:
    heavy = "{name.split('.')[0] for name in sys.modules} & {'nacl', 'cryptography', 'psycopg', 'sqlalchemy'}"
    code = f"import sys, glowplug.{module}; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"


def test_where_plaintext_is_written_random_text_is_an_id() -> None:
    random = seal("x", LOST, "url-safe")
    opener = Opener(KEYS)
    assert opener.classify(random, marked=True) == Plain(random)
    assert opener.classify("**** read this ****", marked=True) == Plain("**** read this ****")
    assert opener.classify("sk-1****wxyz", marked=True) == Masked()
    assert opener.classify(MARKER + random, marked=True) == Unopenable()
    assert opener.classify(seal("x", LOST, "gcm"), marked=True) == Unopenable()
    assert opener.classify(seal("x", KEYS[0], "url-safe"), marked=True) == Opened("x", (0,))


def test_a_tree_has_what_is_readable_and_names_the_rest() -> None:
    tree = Opener(KEYS).open_tree(
        {
            "model": seal("openai/gpt-4o", KEYS[0], "url-safe"),
            "api_key": seal(seal("sk-real", KEYS[1], "gcm"), KEYS[0], "url-safe"),
            "organization": seal("org", LOST, "url-safe"),
            "rpm": 5,
            "stream": None,
            "extra_headers": {"X-Team": "search", "Authorization": "Bear****oken"},
            "tags": ["a", seal("b", KEYS[2], "standard"), seal("c", LOST, "gcm")],
        }
    )
    assert tree.values == {
        "model": "openai/gpt-4o",
        "api_key": "sk-real",
        "rpm": 5,
        "stream": None,
        "extra_headers": {"X-Team": "search"},
        "tags": ["a", "b"],
    }
    assert tree.unreadable == (
        Unreadable("organization", Trouble.LOCKED),
        Unreadable("extra_headers.Authorization", Trouble.MASKED),
        Unreadable("tags[2]", Trouble.LOCKED),
    )
    assert (tree.keys, tree.layers) == (frozenset({0, 1, 2}), 2)


def test_nothing_that_is_printed_has_the_value() -> None:
    opener = Opener(KEYS)
    sealed = seal("sk-very-secret", KEYS[0], "gcm")
    shown = repr([opener.classify(sealed), opener.classify("sk-very-secret"), opener.open_tree({"k": sealed})])
    assert "very-secret" not in shown


def test_an_empty_key_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        Opener([Secret("sk-1"), Secret("")])


@given(st.lists(st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=9), min_size=1, max_size=20))
def test_names_of_lower_case_words_are_never_ciphertext(words: list[str]) -> None:
    for between in "-_":
        assert not looks_like_ciphertext(between.join(words))


@given(st.binary(min_size=40, max_size=400))
def test_random_bytes_of_the_length_of_a_box_look_like_ciphertext(data: bytes) -> None:
    assume(len(set(data)) > 30)  # hypothesis likes bytes that repeat; a nonce does not
    assert looks_like_ciphertext(urlsafe_b64encode(data).decode())


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, str]:
    """(plaintext, what is stored) with any number of layers, each with any key, lost ones included, and encoding."""
    text = draw(st.one_of(st.sampled_from(ORDINARY), st.text(max_size=60)))
    stored = text
    for _ in range(draw(st.integers(0, 4))):
        encoding = draw(st.sampled_from(ENCODINGS))
        stored = seal(stored, draw(st.sampled_from([*KEYS, LOST])), encoding)
    if draw(st.integers(0, 5)) == 0:
        stored = seal(f"{text[:2]}****{text[-2:]}", KEYS[0], draw(st.sampled_from(ENCODINGS)))
    return text, stored


@given(st.dictionaries(st.text("abcdefgh_", min_size=1), planted(), min_size=1, max_size=6), st.permutations(KEYS))
def test_a_row_gives_what_was_planted_or_names_what_it_cannot_give(
    row: dict[str, tuple[str, str]], keys: list[Secret]
) -> None:
    tree = Opener(keys).open_tree({name: stored for name, (_, stored) in row.items()})
    refused = {trouble.path for trouble in tree.unreadable}
    assert refused.isdisjoint(tree.values)
    assert refused | set(tree.values) == set(row)
    for name, value in tree.values.items():
        assert value == row[name][0]
