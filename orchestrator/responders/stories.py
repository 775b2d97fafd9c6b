"""The stories that the guide tells: short, plain to hear, and each with an end worth waiting for."""

from __future__ import annotations

from typing import Final

STORIES: Final[tuple[tuple[str, ...], ...]] = (
    (
        "There was a lighthouse keeper who was afraid of the dark.",
        "Every evening he lit the great lamp, not for the ships, but for himself.",
        "One night a captain climbed the stairs and shook his hand.",
        "Sir, said the captain, I have sailed past your light for forty years, and it always made me brave.",
        "The keeper thought about that for a long time.",
        "Then he showed her the cupboard where he slept, which had eleven candles in it, and they both laughed until morning.",
    ),
    (
        "A snail once entered a race against a train.",
        "On your marks, said the station master, and blew his whistle, and the train was gone.",
        "The snail set off along the platform.",
        "By noon it had reached the bench, and by evening the flower pot.",
        "When the train came back the next day, it had seen two cities, a river and nothing else.",
        "What did you see, it asked the snail.",
        "And the snail was still telling it when winter came.",
    ),
    (
        "My grandmother owned a clock that ran backwards.",
        "She said it was the only honest clock in the house, because it told you how much was left.",
        "One Sunday it reached zero, and we all stood around it and held our breath.",
        "It struck once, a little door opened, and out came a wooden bird with a very small piece of cake.",
        "Happy birthday, said the bird.",
        "It was nobody's birthday, but since that day it has been everyone's.",
    ),
    (
        "A robot was hired to water the plants in an office.",
        "It did so perfectly, at nine each morning, one cup for each.",
        "But the fern by the window would not grow.",
        "So the robot read every book about ferns, and in the last one it found the words: talk to it.",
        "The robot knew only one sentence, so it said that.",
        "Good morning, your call is important to us.",
        "The fern is now four metres tall, and it is still holding.",
    ),
    (
        "In a village by the sea the wind stole a letter from the postman's bag.",
        "It carried it over the hills, read it twice, and was ashamed, for it was a letter of love.",
        "The wind had never delivered anything before.",
        "It tried the baker, the doctor, and a cow.",
        "At last it pushed the letter under the door of an old sailor, who could not see well and asked the wind to read it to him.",
        "People say it was only a draught in the chimney.",
        "But the sailor packed his bag that night and walked north, smiling.",
    ),
    (
        "Two spoons lived in a drawer, and one of them wanted to be a knife.",
        "You would have to be sharp, said the other.",
        "So the spoon did puzzles, read the newspaper, and learned to answer back.",
        "One evening there was soup.",
        "The knife was no help at all, and the fork only made things worse.",
        "The spoon dived in, and came up full, and for once it had nothing clever to say.",
    ),
)
"""Sentences of each story, in order."""


def pick(told: int | None, seed: int) -> int:
    """Which story comes now: the one after `told`, or the one that `seed` chooses when none has been told."""
    return seed % len(STORIES) if told is None else (told + 1) % len(STORIES)


def find(text: str) -> int | None:
    """Which story a reply's text holds, if any."""
    for number, story in enumerate(STORIES):
        if story[0] in text:
            return number
    return None
