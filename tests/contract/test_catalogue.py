"""Each database keeps what the catalogue must."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from radcommons.platform.database import make_engine
from radcommons.testing.catalogue import CatalogueTests


class TestSqliteCatalogue(CatalogueTests):
    """The embedded default."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
        """Return an empty database."""
        engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('catalogue') / 'hub.db'}")
        yield engine
        engine.dispose()


@pytest.mark.production
class TestPostgresCatalogue(CatalogueTests):
    """A real PostgreSQL."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, postgres_url: str) -> Iterator[sa.Engine]:
        """Return an empty database."""
        engine = make_engine(postgres_url)
        yield engine
        engine.dispose()
