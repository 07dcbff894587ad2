"""Which loads are mailed (R3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipelines.model import Counts, LoadFacts, LoadKind, LoadStatus, MailPolicy
from pipelines.report import Delivery, how_to_mail


def wants_mail(load: LoadFacts, previous: LoadFacts | None) -> bool:
    return how_to_mail(load, previous, MailPolicy.ALL) is not Delivery.NOT


P, H, R = LoadStatus.PROCESSED, LoadStatus.HELD, LoadStatus.REJECTED


@pytest.mark.parametrize(
    ("status", "counts", "before", "mailed"),
    [
        pytest.param(P, Counts(), None, True, id="first success"),
        pytest.param(R, Counts(), None, True, id="first failure of a first load"),
        pytest.param(R, Counts(), P, True, id="first failure"),
        pytest.param(R, Counts(), H, True, id="first failure after a hold"),
        pytest.param(P, Counts(unchanged=5), R, True, id="recovery"),
        pytest.param(P, Counts(unchanged=5), H, True, id="a hold lapsed"),
        pytest.param(H, Counts(), P, True, id="hold"),
        pytest.param(H, Counts(), H, True, id="hold again"),
        pytest.param(P, Counts(unchanged=5), P, False, id="empty diff, no issues"),
        pytest.param(P, Counts(unchanged=5, infos=3), P, False, id="empty diff, infos only"),
        pytest.param(P, Counts(unchanged=5, warnings=1), P, True, id="a warning"),
        pytest.param(P, Counts(unchanged=5, errors=1), P, True, id="an error"),
        pytest.param(P, Counts(created=1), P, True, id="created"),
        pytest.param(P, Counts(changed=1), P, True, id="changed"),
        pytest.param(P, Counts(restored=1), P, True, id="restored"),
        pytest.param(P, Counts(hidden=1), P, True, id="hidden"),
        pytest.param(LoadStatus.UNCHANGED, Counts(), P, False, id="unchanged"),
        pytest.param(LoadStatus.UNCHANGED, Counts(), None, False, id="unchanged, nothing before"),
        pytest.param(LoadStatus.FAILED, Counts(errors=1), None, False, id="our failure"),
        pytest.param(LoadStatus.RUNNING, Counts(created=1), None, False, id="not finished"),
    ],
)
def test_R3_policy(
    make_load: Callable[..., LoadFacts], status: LoadStatus, counts: Counts, before: LoadStatus | None, mailed: bool
) -> None:
    previous = None if before is None else make_load(status=before, sha256="ab" * 32)
    held = {"reason": "too_many_hidden"} if status is H else None
    assert wants_mail(make_load(status=status, counts=counts, sha256="cd" * 32, held=held), previous) is mailed
    assert wants_mail(make_load(status=status, counts=counts, dry_run=True), previous) is False


@pytest.mark.parametrize(
    ("reason", "sha256", "mailed"),
    [
        pytest.param("link_unreachable", None, False, id="the same silence"),
        pytest.param("xml_truncated", None, True, id="another reason"),
        pytest.param("link_unreachable", "ab" * 32, True, id="another file"),
    ],
)
def test_R3_a_repeated_failure_is_told_once(
    make_load: Callable[..., LoadFacts], reason: str, sha256: str | None, mailed: bool
) -> None:
    previous = make_load(status=R, reason="link_unreachable", sha256=None)
    assert wants_mail(make_load(status=R, reason=reason, sha256=sha256), previous) is mailed


@pytest.mark.parametrize(
    ("counts", "mailed"),
    [
        pytest.param(Counts(unchanged=5, errors=2, warnings=1), False, id="the same file with the same remarks"),
        pytest.param(Counts(unchanged=4, changed=1, errors=2), True, id="read anew under other settings"),
    ],
)
def test_R3_the_same_file_again_is_no_news(make_load: Callable[..., LoadFacts], counts: Counts, mailed: bool) -> None:
    previous = make_load(status=P, counts=counts, sha256="ab" * 32)
    assert wants_mail(make_load(status=P, counts=counts, sha256="ab" * 32), previous) is mailed


NOW, DIGEST, NOT = Delivery


@pytest.mark.parametrize(
    ("status", "counts", "before", "by_policy"),
    [
        pytest.param(P, Counts(warnings=1), P, (NOW, NOT, DIGEST, NOT), id="a warning"),
        pytest.param(P, Counts(changed=1), P, (NOW, NOT, DIGEST, NOT), id="a change"),
        pytest.param(P, Counts(errors=1), P, (NOW, NOW, DIGEST, NOT), id="an error"),
        pytest.param(P, Counts(), None, (NOW, NOW, NOW, NOT), id="first success"),
        pytest.param(R, Counts(), P, (NOW, NOW, NOW, NOT), id="first failure"),
        pytest.param(R, Counts(errors=1), R, (NOW, NOW, DIGEST, NOT), id="another failure"),
        pytest.param(P, Counts(), R, (NOW, NOW, NOW, NOT), id="recovery"),
        pytest.param(H, Counts(), P, (NOW, NOW, NOW, NOT), id="a hold"),
        pytest.param(P, Counts(), P, (NOT, NOT, NOT, NOT), id="no news"),
    ],
)
def test_R3_a_supplier_may_ask_for_less(
    make_load: Callable[..., LoadFacts],
    status: LoadStatus,
    counts: Counts,
    before: LoadStatus | None,
    by_policy: tuple[Delivery, ...],
) -> None:
    previous = None if before is None else make_load(status=before, sha256="ab" * 32)
    held = {"reason": "price_jumps"} if status is H else None
    load = make_load(status=status, counts=counts, held=held, sha256="cd" * 32)
    assert tuple(how_to_mail(load, previous, policy) for policy in MailPolicy) == by_policy


@pytest.mark.parametrize(
    ("verdict", "mailed"), [("approved", True), ("rejected", True), ("lapsed", False), ("rolled_back", False)]
)
def test_R3_a_decision_is_told_and_a_question_that_settled_itself_is_not(
    make_load: Callable[..., LoadFacts], verdict: str, mailed: bool
) -> None:
    load = make_load(held={"reason": "too_many_hidden"}, decision={"verdict": verdict}, counts=Counts())
    assert wants_mail(load, make_load(sha256="ab" * 32)) is mailed


def test_R3_prices_that_were_kept_and_a_load_that_undoes_another_are_told_at_once(
    make_load: Callable[..., LoadFacts],
) -> None:
    for load in (make_load(held={"reason": "prices_kept"}), make_load(kind=LoadKind.ROLLBACK, origin=1)):
        assert how_to_mail(load, make_load(), MailPolicy.DIGEST) is Delivery.NOW


def test_R3_a_hold_that_lapses_is_a_recovery(make_load: Callable[..., LoadFacts]) -> None:
    load = make_load(status=P, counts=Counts(unchanged=5), sha256="cd" * 32)
    lapsed = {"verdict": "lapsed", "by_load": load.id}
    held = make_load(status=P, held={"reason": "too_many_hidden"}, decision=lapsed, sha256="ab" * 32)
    assert how_to_mail(load, held, MailPolicy.ALL) is Delivery.NOW
    assert how_to_mail(load, replace(held, decision=lapsed | {"by_load": 0}), MailPolicy.ALL) is Delivery.NOT
