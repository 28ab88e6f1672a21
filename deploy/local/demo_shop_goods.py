"""What the demo's shop sells: things that Unicode has a picture of, under the names that it gives them."""

from __future__ import annotations

import unicodedata
from typing import Any

_GLYPHS = {
    "Fruit and vegetables": ("🧅🥔🥕🧄🍋🍊🍎🍐🥒🍌🌽🍅🥝🍑🥬🥦🍄🍆🥑🥭🍇🍒🍈🍓🫐🍍🥥🍉", 0.3, 5),
    "Bakery": ("🥨🥐🥯🍪🍩🥖🧁🧇🍰🍞🥞🥧🎂", 0.8, 32),
    "Kitchen": ("🥫🍿🌮🥟🌯🥪🍔🥗🥓🧀🍜🍕🍱🍣", 1.2, 19),
    "Drinks": ("🥛🧃🥤🧋🍵🍺🍹🥃🍷🍶", 1, 28),
    "Garden": ("🌱🍀🌼🌷🌻🌹🌵🌺💐🪴🌲🌴🌳", 2, 180),
    "Sports": ("⚾🎱🏐🏉🏈⚽🏸🏓🏀🏏🎾🥊🏒🎣🛹🛼🥋🏹🎿", 8, 290),
    "Music": ("📻🥁🪕🎤🎸🪘🎧🎺🎹🎻🪗🎷", 35, 1_400),
    "Clothes": ("🧦🧤🧢🧣👕👔👒👖👟🎩👗👠🥾👢🧥👘", 5, 190),
    "Toys": ("🎈🃏🪀🎲🧩🪁🎨🧸🪆🤖🎮", 1, 70),
    "Home": ("🧽🧼💡🪣🧹🧺⏰🪞🪑🚿🛁", 1, 850),
    "Workshop": ("🔩📏📐🧲🪛🔨🔧🔦🪚🧰🪜", 2, 160),
    "Desk": ("📎📌📓📒📔📚💾🔬🔭📷💻", 1, 990),
}
"""Category → glyphs, the cheapest first, and what the first and the last cost."""
_CATEGORY_WORDS = {
    "Fruit and vegetables": ("fresh", "cooking"),
    "Bakery": ("fresh", "baking"),
    "Kitchen": ("cooking", "dinner"),
    "Drinks": ("dinner",),
    "Garden": ("outdoors", "growing"),
    "Sports": ("outdoors", "playing"),
    "Music": ("instruments", "playing"),
    "Clothes": ("wearing",),
    "Toys": ("playing",),
    "Home": ("living",),
    "Workshop": ("making",),
    "Desk": ("learning",),
}
_PLAIN_NAMES = {
    "🎱": "Billiard ball",
    "💾": "Floppy disks",
    "👢": "Boots",
    "🍹": "Fruit cocktail",
    "🏀": "Basketball",
    "👒": "Sun hat",
    "🧀": "Cheese",
    "🥖": "Baguette",
    "🍜": "Noodle soup",
    "🍵": "Green tea",
    "🍷": "Red wine",
    "🍺": "Beer",
    "🥃": "Whisky",
    "🥤": "Lemonade",
    "🧃": "Juice",
    "🥛": "Milk",
    "🧢": "Cap",
    "🃏": "Playing cards",
    "🎨": "Paint box",
    "🤖": "Robot",
    "🎲": "Dice",
    "🧩": "Jigsaw puzzle",
    "💻": "Laptop",
    "🌽": "Sweetcorn",
    "🥬": "Lettuce",
    "🎣": "Fishing rod",
    "💡": "Light bulb",
    "🧼": "Soap",
    "🔦": "Torch",
    "👟": "Running shoes",
    "🥾": "Hiking boots",
    "👠": "High heels",
    "📔": "Diary",
    "🎧": "Headphones",
    "🎹": "Keyboard",
    "🥁": "Drum",
    "🍕": "Pizza",
    "🏸": "Badminton set",
    "🏓": "Table tennis set",
    "🎾": "Tennis set",
    "🏏": "Cricket set",
    "🏒": "Ice hockey set",
    "🎿": "Skis",
    "🛼": "Roller skates",
    "🥊": "Boxing gloves",
}
"""Where Unicode's name says how it is drawn."""


def goods() -> list[dict[str, Any]]:
    """The items, as `POST /v1/items` takes them; the same each time."""
    return [
        _item(glyph, category, low * (high / low) ** (place / (len(glyphs) - 1)))
        for category, (glyphs, low, high) in _GLYPHS.items()
        for place, glyph in enumerate(glyphs)
    ]


def _item(glyph: str, category: str, price: float) -> dict[str, Any]:
    title = _PLAIN_NAMES.get(glyph, unicodedata.name(glyph).capitalize())
    return {
        "item": title.lower().replace(" ", "-"),
        "title": title,
        "category": category,
        "tags": [*_CATEGORY_WORDS[category]],
        "price": round(price, 1) if price < 10 else round(price) - 0.05,
        "attributes": {"glyph": glyph},
    }
