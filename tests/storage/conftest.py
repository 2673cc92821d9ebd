"""What tests of PostgreSQL share."""

import asyncpg
import pytest


@pytest.fixture
async def server(postgres):
    """A connection of nobody in particular to the store's database."""
    connection = await asyncpg.connect(postgres)
    yield connection
    await connection.close()
