"""Files in the inbox: loaded once, whatever happens to the worker, and taken away."""

from __future__ import annotations

import json

import pytest

from pipelines import registry, steps
from pipelines.steps import Upload

UPLOAD = Upload("a", "main", "price.yml")


class DiedError(BaseException):
    """The worker is gone: nothing may catch it."""


@pytest.fixture
def known(house):
    with house.database.connect() as conn:
        registry.ensure_shop(conn, "main")
        registry.ensure_supplier(conn, "a")
        registry.ensure_accreditation(conn, "a", "main")


@pytest.fixture
def drop(house, feed):
    """Put a feed of offers into the inbox, with options beside it if given."""

    def put(offers, *, options=None, upload=UPLOAD):
        if options is not None:
            house.store.put_bytes(upload.options_key, json.dumps(options).encode())
        house.store.put_file(upload.key, feed(offers))

    return put


def left(house):
    return [key for folder in ("inbox", "inbox-claims") for key in house.store.list(folder)]


def test_a_file_is_loaded_with_its_options_and_taken_away(house, known, drop):
    drop({"s1": 100}, options={"actualize": True})
    assert steps.waiting_uploads(house) == [UPLOAD]
    outcome = steps.load_upload(house, UPLOAD)
    assert (outcome.status, outcome.counts["created"]) == ("processed", 1)
    with house.database.connect() as conn:
        load = registry.get_load(conn, outcome.load_id)
    assert load.options["link"]["actualize"] is True
    assert load.source == "price.yml"
    assert left(house) == []
    assert steps.load_upload(house, UPLOAD) is None


@pytest.mark.parametrize("dies_at", ["before", "after"])
def test_P1_a_worker_that_dies_loads_the_file_once(house, known, drop, monkeypatch, dies_at):
    """Killed after the claim, before the load; or after the load, before the file is taken away."""
    drop({"s1": 100})

    def die(*_, **__):
        raise DiedError

    with monkeypatch.context() as patch:
        patch.setattr(f"pipelines.steps.inbox.{'load_source' if dies_at == 'before' else '_take_away'}", die)
        with pytest.raises(DiedError):
            steps.load_upload(house, UPLOAD)
    assert len(left(house)) == 2
    outcome = steps.load_upload(house, UPLOAD)
    assert outcome.status == "processed"
    assert [row["id"] for row in steps.list_loads(house)] == [outcome.load_id]
    assert left(house) == []


def test_the_same_file_sent_again_is_a_load_of_its_own(house, known, drop):
    drop({"s1": 100})
    first = steps.load_upload(house, UPLOAD)
    drop({"s1": 100})
    assert steps.load_upload(house, UPLOAD).load_id != first.load_id


def test_a_file_that_comes_while_the_old_one_is_loaded_stays_for_the_next_round(house, known, drop, monkeypatch):
    drop({"s1": 100})
    load = steps.inbox.load_source

    def slow(*arguments, **keywords):
        drop({"s1": 200})
        return load(*arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.steps.inbox.load_source", slow)
        steps.load_upload(house, UPLOAD)
    assert steps.waiting_uploads(house) == [UPLOAD]
    assert steps.load_upload(house, UPLOAD).counts["changed"] == 1
    assert left(house) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"no_such": 1}, "no_such"),
        ({"required_fields": ["vat"]}, "required_fields"),  # of the shop: no supplier's affair
        ({"hold_hidden_count": "many"}, "hold_hidden_count"),
        ([], "not a JSON object"),
    ],
)
def test_settings_that_do_not_fit_put_the_file_aside_with_the_reason(house, known, drop, options, reason):
    drop({"s1": 100}, options=options)
    assert steps.load_upload(house, UPLOAD).reason == "refused"
    assert left(house) == []
    assert reason in house.store.get_bytes("inbox-refused/a/main/price.yml.reason.txt").decode()
    assert house.store.exists("inbox-refused/a/main/price.yml")


def test_a_folder_of_the_inbox_makes_no_supplier(house, known, drop):
    stranger = Upload("stranger", "main", "price.yml")
    drop({"s1": 100}, upload=stranger)
    assert steps.load_upload(house, stranger).reason == "refused"
    assert steps.list_loads(house) == []


def test_what_lies_elsewhere_in_the_inbox_is_left_alone(house, known, drop):
    house.store.put_bytes("inbox/readme.txt", b"?")
    assert steps.waiting_uploads(house) == []
