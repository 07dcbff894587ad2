"""`docs/quality.md` says what the suites say."""

from docs.quality import PATH, quality
from pipelines.quality.suites import read_checks


def test_the_document_is_that_of_the_suites():
    assert PATH.read_text(encoding="utf-8") == quality(), "run `python -m docs.quality`"


def test_the_document_names_every_check():
    text = quality()
    assert all(f"`{check.id}`" in text for check in read_checks())
