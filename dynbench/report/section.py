"""What a page is made of: sections, and tables in them.  `page` puts them together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dynbench.report.style import Picture


@dataclass(frozen=True)
class Table:
    """The first `heads` cells of a row are its header."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    heads: int = 1
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it, in this order; `sections` are one level down."""

    heading: str
    paragraphs: Sequence[str] = ()
    items: Sequence[str] = ()
    code: str = ""
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    sections: Sequence["Section"] = field(default=())
    missing: Sequence[str] = ()  # sentences about what could not be made
