"""Words of a customer, and their neighbours."""

from tests.corpus.sample import Maker, around
from tests.doubles.dice import Dice

WORDS = (
    "Bluebird",
    "Night Heron",
    "db-prod-17.corp",
    "Project Silent Harbour",
    "KD-4711-ZX",
    "Grünspecht",
)


def written(chance: Dice) -> str:
    word = chance.choice(WORDS)
    return chance.choice(
        [word, word.upper(), word.lower(), word.replace(" ", "_"), word.replace(" ", "-")]
    )


DICTIONARY: dict[str, Maker] = {
    "a word of the list": lambda c: around(c, f"about {written(c)}: ok")
}

NO_DICTIONARY: dict[str, Maker] = {
    "a neighbour": lambda c: around(
        c,
        c.choice(
            [
                "a blue bird",
                "bluebirds",
                "the heron of the night",
                "db-prod-18.corp",
                "silent harbour",
                "KD-4711",
            ]
        ),
    )
}
