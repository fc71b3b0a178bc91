"""Sentences as rows of whole numbers, one for each word: the simplest tokenizer, whose vocabulary is fixed."""

import difflib
import unicodedata

import torch

from imagegen_lessons.settings import whole

NO_TOKEN = -1  # where a row has no further word; a row of nothing else is no caption at all
UNKNOWN, UNKNOWN_WORD = 0, "<unknown>"  # the token of every word that the vocabulary lacks
LONGEST = 30  # letters of a word that are shown, and compared


class Tokenizer:
    """Splits sentences into words and gives each its number in a vocabulary, or `UNKNOWN`.

    words: the vocabulary, such as `captions.WORDS`. length: how many words of a sentence are read; the rest is dropped.
    Upper case becomes lower case, and punctuation, also within words, becomes a space; every other sign counts, so
    that an emoji or another script is seen as an unknown word. Raises ValueError for an empty vocabulary.
    """

    def __init__(self, words, length=48):
        self.words = (UNKNOWN_WORD, *dict.fromkeys(words))
        self.length = whole(length, "length")
        self._numbers = {word: i for i, word in enumerate(self.words)}
        if len(self.words) < 2:
            raise ValueError("A tokenizer needs at least one word.")

    def __len__(self):
        return len(self.words)

    @staticmethod
    def split(text: str) -> list[str]:
        """The words of a text. Raises ValueError for what is no text."""
        if not isinstance(text, str):
            raise ValueError(f"A sentence is a text, not a {type(text).__name__}.")
        text = unicodedata.normalize("NFKC", text).lower()
        return "".join(_seen(sign) for sign in text).split()

    def encode(self, sentences) -> torch.Tensor:
        """A list of n sentences (or one) to tokens (n, length), int64, with -1 after the last word of each."""
        sentences = [sentences] if isinstance(sentences, str) else sentences
        if not isinstance(sentences, list | tuple):
            raise ValueError(f"Sentences are a list of texts, not a {type(sentences).__name__}.")
        tokens = torch.full((len(sentences), self.length), NO_TOKEN)
        for row, sentence in zip(tokens, sentences, strict=True):
            numbers = [self._numbers.get(word, UNKNOWN) for word in self.split(sentence)[: self.length]]
            row[: len(numbers)] = torch.tensor(numbers, dtype=torch.int64)
        return tokens

    def decode(self, tokens) -> list[str]:
        """Tokens (n, length) to n sentences: words with spaces between, "<unknown>" where a word was not known."""
        check_tokens(tokens, len(self))
        return [" ".join(self.words[i] for i in row if i >= 0) for row in tokens.tolist()]

    def unknown_words(self, text: str) -> list[str]:
        """The words of a text that the vocabulary lacks, each once, in their order."""
        return [word for word in dict.fromkeys(self.split(text)) if word not in self._numbers]

    def suggest(self, word: str) -> str | None:
        """The known word that is spelt most like this one, if one is: a typo, perhaps."""
        found = difflib.get_close_matches(word[:LONGEST].lower(), self.words[1:], n=1, cutoff=0.7)
        return found[0] if found else None

    def remarks(self, text: str, most=5) -> list[str]:
        """What the reader of a text should know, in sentences: which words are not known, and whether it was cut."""
        words, unknown, found = self.split(text), self.unknown_words(text), []
        if unknown:
            shown = [self._with_suggestion(word) for word in unknown[:most]]
            more = f" and {len(unknown) - most:,} more" if len(unknown) > most else ""
            found.append(f"Words that the network does not know: {', '.join(shown)}{more}.")
        if len(words) > self.length:
            found.append(f"Only the first {self.length} of {len(words):,} words are read.")
        return found

    def _with_suggestion(self, word: str) -> str:
        near = self.suggest(word)
        shown = word if len(word) <= LONGEST else f"{word[:LONGEST]}…"
        return f"{shown} (did you mean {near}?)" if near else shown


def _seen(sign: str) -> str:
    """A sign as it counts: a symbol is a word itself; punctuation, mathematical signs, controls and spaces end one."""
    kind = unicodedata.category(sign)
    if kind in ("So", "Sc"):
        return f" {sign} "
    if kind == "Cf" or "\ufe00" <= sign <= "\ufe0f":  # what joins emoji, and chooses among their forms
        return ""
    return sign if kind[0] in "LNM" else " "


def check_tokens(tokens, words: int, n: int | None = None) -> None:
    """Raises a ValueError in one sentence unless tokens are int64 (n, length): -1 or below the number of words."""
    if not isinstance(tokens, torch.Tensor) or tokens.dtype != torch.int64 or tokens.dim() != 2:
        kind = f"{tokens.dtype} {tuple(tokens.shape)}" if isinstance(tokens, torch.Tensor) else repr(tokens)
        raise ValueError(f"Tokens are whole numbers (n, length), as Tokenizer.encode gives, not {kind:.60}.")
    if n is not None and len(tokens) != n:
        raise ValueError(f"There are {len(tokens)} rows of tokens for {n} samples.")
    # A GPU is slow to answer: there training is not held up.
    asked = tokens.device.type == "cpu" or not torch.is_grad_enabled()
    if asked and tokens.numel() and not (tokens.min() >= NO_TOKEN and tokens.max() < words):
        low, high = (bound.item() for bound in tokens.aminmax())
        raise ValueError(
            f"Tokens go from 0 to {words - 1}, or are -1 for none, but these go from {low} to {high}."
        )
