"""Logs of small pieces in cells."""

from __future__ import annotations

from process_interactions.subjects.chunks import Chunks


def filled(pieces: list[bytes], most: int = 3) -> Chunks:
    chunks = Chunks(b"p", 4, most)
    for now, piece in enumerate(pieces):
        chunks.add(piece, now)
    return chunks


def test_a_piece_is_found_where_one_begins_and_nowhere_else() -> None:
    chunks = filled([b"ab", b"cd", b"ef"])
    assert all(chunks.has(piece) for piece in (b"ab", b"cd", b"ef"))
    assert not chunks.has(b"bc") and not chunks.has(b"de")


def test_a_new_piece_rewrites_the_last_cell_alone() -> None:
    chunks = filled([b"ab", b"cd", b"ef"])
    assert len(dict(chunks.take_changes())) == 2
    chunks.add(b"gh", 9)
    ((key, content),) = chunks.take_changes()
    assert key.startswith(b"p") and content is not None and content.endswith(b"efgh")
    assert list(chunks.take_changes()) == []


def test_the_oldest_go_for_new_ones_and_by_their_age() -> None:
    chunks = filled([b"ab", b"cd", b"ef", b"gh", b"ij", b"kl", b"mn"])
    assert chunks.place() == (1, 3) and not chunks.has(b"cd") and chunks.has(b"ef")
    dict(chunks.take_changes())
    chunks.expire(3)
    assert list(chunks.parts()) == [b"mn", b"ijkl"]
    assert [content for _, content in chunks.take_changes()] == [None]


def test_a_piece_larger_than_a_chunk_has_one_of_its_own() -> None:
    chunks = filled([b"ab", b"0123456789", b"cd"])
    assert list(chunks.parts()) == [b"cd", b"0123456789", b"ab"]
