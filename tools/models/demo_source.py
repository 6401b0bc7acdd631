"""Draws questions and answers from the tables of demo_questions: dressed ones to train on, held-out ones to measure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

if __package__:
    from .demo_questions import (
        ASK_CAPITAL,
        ASK_ODD,
        ASK_SUM,
        ASK_TWO,
        CAPITALS,
        DEFINE,
        DUNNO,
        HELD_ASK_ODD,
        HELD_CAPITAL,
        HELD_DEFINE,
        HELD_NO_COUNTRY,
        HELD_ODD,
        HELD_SUM,
        HELD_TWO,
        HELD_WRAP,
        NO_COUNTRY,
        ODD,
        SYSTEM,
        TOO_BIG,
        WORDS,
        WRAP,
        definitions,
        intents,
    )
else:
    from demo_questions import (
        ASK_CAPITAL,
        ASK_ODD,
        ASK_SUM,
        ASK_TWO,
        CAPITALS,
        DEFINE,
        DUNNO,
        HELD_ASK_ODD,
        HELD_CAPITAL,
        HELD_DEFINE,
        HELD_NO_COUNTRY,
        HELD_ODD,
        HELD_SUM,
        HELD_TWO,
        HELD_WRAP,
        NO_COUNTRY,
        ODD,
        SYSTEM,
        TOO_BIG,
        WORDS,
        WRAP,
        definitions,
        intents,
    )


@dataclass(frozen=True)
class Case:
    """One question of the evaluation: which group it belongs to and the one right answer."""

    group: str
    question: str
    answer: str


def _article_free(term: str) -> str:
    return term.split(" ", 1)[1] if term.split(" ")[0] in ("a", "an", "the") else term


def capital_answer(country: str) -> str:
    """The sentence that names a capital."""
    return f"The capital of {country} is {CAPITALS[country]}."


def two_capitals_answer(c: str, d: str) -> str:
    """The sentence that names two capitals."""
    return f"The capital of {c} is {CAPITALS[c]}, and the capital of {d} is {CAPITALS[d]}."


def sum_answer(a: int, op: str, b: int) -> str:
    """The line that states a small sum."""
    return f"{a} {op} {b} = {a + b if op == '+' else a - b}."


def operands(op: str, rng: random.Random) -> tuple[int, int]:
    """Two numbers that the model is expected to manage for this operator."""
    a, b = rng.randint(0, 10), rng.randint(0, 10)
    return (max(a, b), min(a, b)) if op == "-" else (a, b)


def _pseudo_word(rng: random.Random) -> str:
    # A word that exists nowhere teaches "I do not know" for any unknown string, not only for the listed ones.
    return "".join(
        rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiou") + rng.choice(["", "n", "r", "s", "l", ""])
        for _ in range(rng.randint(2, 4))
    )


class Source:
    """Draws dressed question/answer pairs, balanced by kind of question and not by number of phrasings."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.definitions = list(definitions())
        self.intents = [([p for p in ps if not p.startswith("~")], a) for ps, a in intents()]
        self.countries = list(CAPITALS)

    def pair(self) -> tuple[str, str]:
        """One question as a person might type it, and its answer."""
        roll = self.rng.random()
        if roll < 0.32:
            ps, answer = self.rng.choice(self.intents)
            return dress(self.rng.choice(ps), self.rng), answer
        if roll < 0.50:
            terms, answer = self.rng.choice(self.definitions)
            return dress(self._define(self.rng.choice(terms)), self.rng), answer
        if roll < 0.67:
            q, answer = self._capital()
        elif roll < 0.80:
            q, answer = self._sum()
        else:
            q, answer = self._odd()
        return dress(q, self.rng), answer

    def _define(self, term: str) -> str:
        x = _article_free(term) if self.rng.random() < 0.25 else term
        return self.rng.choice(DEFINE).format(x=x)

    def _capital(self) -> tuple[str, str]:
        c, d = self.rng.sample(self.countries, 2)
        roll = self.rng.random()
        if roll < 0.72:
            return self.rng.choice(ASK_CAPITAL).format(
                c=_article_free(c) if self.rng.random() < 0.2 else c
            ), capital_answer(c)
        if roll < 0.88:
            return self.rng.choice(ASK_TWO).format(c=c, d=d), two_capitals_answer(c, d)
        place = self.rng.choice(NO_COUNTRY) if self.rng.random() < 0.6 else _pseudo_word(self.rng).capitalize()
        return self.rng.choice(ASK_CAPITAL).format(c=place), DUNNO

    def _sum(self) -> tuple[str, str]:
        op = self.rng.choice("+++--*")
        ask = self.rng.choice(ASK_SUM[op].split("|"))
        if op == "*":
            return ask.format(a=self.rng.randint(0, 99), b=self.rng.randint(0, 99)), TOO_BIG
        if self.rng.random() < 0.1:
            return ask.format(a=self.rng.randint(30, 9999), b=self.rng.randint(21, 9999)), TOO_BIG
        a, b = operands(op, self.rng)
        if self.rng.random() < 0.15:
            word = "plus" if op == "+" else "minus"
            q = self.rng.choice(["{a} {w} {b}", "what is {a} {w} {b}"])
            return q.format(a=WORDS[a], w=word, b=WORDS[b]), sum_answer(a, op, b)
        return ask.format(a=a, b=b), sum_answer(a, op, b)

    def _topic(self) -> str:
        w = self.rng.choice(ODD) if self.rng.random() < 0.65 else _pseudo_word(self.rng)
        return w if self.rng.random() < 0.8 else f"{w} {self.rng.choice(ODD)}"

    def _odd(self) -> tuple[str, str]:
        ask = self.rng.choice(DEFINE) if self.rng.random() < 0.35 else self.rng.choice(ASK_ODD)
        w, v = self._topic(), self._topic()
        c, d = self.rng.sample(self.countries, 2)
        return ask.format(x=self.rng.choice([w, w, f"a {w}", f"the {w}"]), w=w, v=v, c=c, d=d), DUNNO

    def system(self) -> str:
        """A system prompt, or none; sometimes a long one of arbitrary words, as agents send."""
        roll = self.rng.random()
        if roll < 0.55:
            return ""
        if roll < 0.9:
            return self.rng.choice(SYSTEM)
        return " ".join(self.rng.choice(ODD) for _ in range(self.rng.randint(3, 25))).capitalize() + "."


def plain(question: str) -> str:
    """A question as the model reads it: what the chat template of the file (CHATML_PLAIN) makes of it."""
    question = question.lower()
    for mark in "?!,":
        question = question.replace(mark, "")
    return question.strip()


def dress(q: str, rng: random.Random, wraps: list[str] = WRAP) -> str:
    """The same question with politeness, case and punctuation varied."""
    if rng.random() < 0.25:
        q = rng.choice(wraps).format(q=q)
    roll = rng.random()
    if roll < 0.55:
        q = q[0].upper() + q[1:]
    elif roll < 0.80:
        q = q.lower()
    elif roll < 0.90:
        q = q.upper()
    q += rng.choice(["?", "?", "", "", "!", ".", " ?", "??", "..."])
    return q if rng.random() < 0.93 else rng.choice([" ", "\n", ""]) + q + rng.choice([" ", "\n", ""])


def corpus(seed: int, n: int) -> Iterator[str]:
    """Text for the tokenizer: what the model will read and write."""
    source = Source(seed)
    for _ in range(n):
        q, a = source.pair()
        yield plain(q)
        yield a
    yield from SYSTEM


def _dressings(group: str, q: str, answer: str) -> Iterator[Case]:
    yield Case(group, q[0].upper() + q[1:] + "?", answer)
    yield Case(group + ", lower case", q.lower(), answer)
    yield Case(group + ", UPPER CASE", q.upper() + "?", answer)


def held_out(seed: int = 7) -> list[Case]:
    """Questions in wordings that were not trained on, with the answers they should get."""
    rng = random.Random(seed)
    cases: list[Case] = []
    for phrasings, answer in intents():
        for p in phrasings:
            if p.startswith("~"):
                cases += _dressings("small talk and lists", p[1:], answer)
        cases.append(Case("new politeness", rng.choice(HELD_WRAP).format(q=phrasings[0]), answer))
    for terms, answer in definitions():
        for t in rng.sample(HELD_DEFINE, 2):
            cases += _dressings("definitions", t.format(x=terms[0]), answer)
    for c in CAPITALS:
        cases += _dressings("capitals", rng.choice(HELD_CAPITAL).format(c=c), capital_answer(c))
    for _ in range(20):
        c, d = rng.sample(list(CAPITALS), 2)
        cases.append(Case("two capitals", rng.choice(HELD_TWO).format(c=c, d=d) + "?", two_capitals_answer(c, d)))
    for op in "+-*":
        for _ in range(20):
            a, b = operands(op, rng)
            answer = TOO_BIG if op == "*" else sum_answer(a, op, b)
            cases.append(Case("sums", rng.choice(HELD_SUM[op].split("|")).format(a=a, b=b), answer))
    for w in HELD_ODD:
        v = rng.choice(HELD_ODD)
        ask = rng.choice(HELD_ASK_ODD).format(w=w, v=v, c=rng.choice(list(CAPITALS)))
        cases += _dressings("does not know", ask, DUNNO)
        cases += _dressings("does not know", rng.choice(DEFINE[:8]).format(x=w), DUNNO)
    for c in HELD_NO_COUNTRY:
        cases += _dressings("does not know", f"what is the capital of {c}", DUNNO)
    return cases
