"""P1 with several workers: one load of a link at a time, many links at once, the same catalog as one after another."""

import dataclasses
import multiprocessing

import pytest

from pipelines import registry, steps
from pipelines.registry import LinkBusyError
from tests.integration import loading_process

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(list(loading_process.PRELOADED))


@pytest.fixture
def links(house, feed, serve, tmp_path):
    """Links of one supplier that share goods, actualise, and are polled: gives the loads that wait, by link."""
    server = serve({})

    def declare(files, *, supplier="a"):
        for name, offers in files.items():
            server.files[f"/{supplier}-{name}.xml"] = feed(offers, name=f"{supplier}-{name}.xml").read_bytes()
        rows = "\n".join(
            f"  - {{link: {supplier}-{name}, supplier: {supplier}, shop: main,"
            f" url: '{server.url}/{supplier}-{name}.xml', settings: {{actualize: true}}}}"
            for name in files
        )
        path = tmp_path / "links.yaml"
        path.write_text(f"shops: {{main: {{}}}}\nsuppliers: {{{supplier}: {{}}}}\nlinks:\n{rows}", encoding="utf-8")
        steps.apply_links(house, path)
        return [steps.poll(house, f"{supplier}-{name}").load_id for name in files]

    return declare


class Worker:
    """A process that works off the loads whose numbers it is sent."""

    def __init__(self, house):
        self.talk, its_end = PROCESSES.Pipe()
        settings = dataclasses.replace(house.settings, database_url=house.database.catalog_url)
        self.process = PROCESSES.Process(target=loading_process.work, args=(settings, its_end), daemon=True)
        self.process.start()
        its_end.close()
        assert self.talk.recv() == "ready"

    def die(self):
        self.process.kill()
        self.process.join()


@pytest.fixture
def worker(house):
    """Start such a process."""
    started = []

    def start():
        started.append(Worker(house))
        return started[-1]

    yield start
    for each in started:
        each.die()


def goods(house, supplier):
    with house.database.connect() as conn:
        return conn.execute(
            "SELECT sku_key, name, price, status FROM offers WHERE supplier_id = %s ORDER BY 1", [supplier]
        ).fetchall()


def shared(n, hour):
    """A link's file: goods of its own, and goods that every link sends; an hour later some are gone, some are new."""
    own = {f"own{n}-{k}": 100 + n for k in range(hour * 3, hour * 3 + 20)}
    return own | {f"all{k}": 100 for k in range(10)}


@pytest.mark.parametrize("workers", [2, 8])
def test_P1_links_of_one_supplier_at_once_end_as_one_after_another(house, links, worker, workers):
    """Whoever comes first, each good is there that some link sends now, and what all of them dropped is hidden."""
    started = [worker() for _ in range(workers)]
    for hour in (0, 1):
        loads = links({str(n): shared(n, hour) for n in range(workers)})
        for each, load_id in zip(started, loads, strict=True):
            each.talk.send(load_id)
        assert [each.talk.recv() for each in started] == ["processed"] * workers
    sent = [shared(n, hour) for hour in (0, 1) for n in range(workers)]
    now = {sku for file in sent[workers:] for sku in file}
    assert goods(house, "a") == sorted(
        (sku, f"Товар {sku}", price, "published" if sku in now else "hidden")
        for sku, price in {sku: price for file in sent for sku, price in file.items()}.items()
    )
    with house.database.connect() as conn:
        told = conn.execute("SELECT sum(created), sum(hidden), sum(changed) FROM loads").fetchone()
    assert told == (10 + 23 * workers, 3 * workers, 0)


def test_P1_a_link_at_work_is_left_alone(house, links):
    (load_id,) = links({"x": {"a": 1}})
    with house.database.connect() as conn:
        link = registry.find_link(conn, "a-x")
    with registry.link_lock(house.database, link.id):
        with pytest.raises(LinkBusyError):
            steps.process(house, load_id)
        assert steps.poll(house, "a-x").status == "running"
    assert steps.process(house, load_id).status == "processed"


def test_P1_a_worker_that_dies_lets_go_of_its_link(house, links, worker):
    (load_id,) = links({"x": {f"s{n}": 1 for n in range(300)}})
    process = worker()
    process.talk.send(load_id)
    with house.database.connect(autocommit=True) as conn:
        while conn.execute("SELECT status FROM loads WHERE id = %s", [load_id]).fetchone() == ("queued",):
            pass
    process.die()
    while True:
        try:
            assert steps.process(house, load_id).status == "processed"
            break
        except LinkBusyError:  # the server has not noticed yet
            continue
    assert len(goods(house, "a")) == 300
