"""An item as a client or a source sends it: one JSON object, validated and brought to one form."""

from headrace.interactions.fields import Fields, shown
from headrace.interactions.limits import MAX_ITEM
from headrace.interactions.records import Item

FIELDS = frozenset(Item.__struct_fields__) - {"site", "updated"}
"""Of the object that is sent."""
MAX_TITLE = 512
MAX_CATEGORY = 128
MAX_TAGS = 64
MAX_TAG = 64
MAX_URL = 2_048
MAX_PRICE = 1_000_000_000
MAX_AGE = 150


def item_of(given: object, site: str, now_us: int, item: str | None = None) -> Item:
    """One item, which replaces all that was known of it.

    Args:
        given: what came of JSON.
        item: its id where another place, such as a path, says it; the object may say the same.

    Raises:
        Refused: with every field that is wrong.
    """
    fields = Fields(given, FIELDS, "item")
    made = Item(
        site,
        _id(fields, item),
        now_us,
        fields.text("title", MAX_TITLE) or "",
        fields.text("category", MAX_CATEGORY),
        fields.texts("tags", MAX_TAGS, MAX_TAG),
        fields.number("price", 0, MAX_PRICE),
        _image(fields),
        fields.flag("available") is not False,
        fields.integer("min_age", 0, MAX_AGE),
        fields.instant("created"),
        fields.attributes("attributes"),
    )
    fields.check()
    return made


def item_id(given: str) -> str:
    """The id of an item where it stands by itself, such as in a path.

    Raises:
        Refused: it is none.
    """
    fields = Fields({"item": given}, FIELDS, "item")
    found = fields.text("item", MAX_ITEM)
    fields.check()
    return found or ""


def _id(fields: Fields, item: str | None) -> str:
    found = fields.text("item", MAX_ITEM)
    if item is None and not fields.has("item"):
        fields.fault("item", "it is missing", "send the item's id")
    elif item is not None and found is not None and found != item:
        fields.fault("item", f"it is {shown(found)}, and elsewhere {shown(item)}", "leave it out")
    return item or found or ""


def _image(fields: Fields) -> str | None:
    image = fields.text("image", MAX_URL)
    if image is not None and not image.startswith(("https://", "http://", "/")):
        fields.fault("image", f"{shown(image)} is no address", "send one that begins with https://, http:// or /")
    return image
