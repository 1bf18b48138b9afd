"""An open engine of every kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.storage import StorageEngine
from tests.hub.storage import engines
from tests.hub.storage.engines import Store


@pytest.fixture(params=sorted(engines.FACTORIES))
def closed(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(request.param, tmp_path)


@pytest.fixture
async def store(closed: Store) -> AsyncIterator[Store]:
    await closed.engine.open()
    yield closed
    await closed.engine.close()


@pytest.fixture
def engine(store: Store) -> StorageEngine:
    return store.engine
