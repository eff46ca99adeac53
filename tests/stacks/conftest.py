"""Each environment is synthesised once a session."""

import pytest

from stacks.environment import ENVIRONMENTS
from tests.stacks.synthesised import Application, synthesise


@pytest.fixture(scope="session")
def applications(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Application]:
    """All environments by name."""
    return {name: synthesise(name, tmp_path_factory.mktemp("cdk") / name) for name in ENVIRONMENTS}


@pytest.fixture(params=ENVIRONMENTS)
def application(request: pytest.FixtureRequest, applications: dict[str, Application]) -> Application:
    """Each environment in turn."""
    return applications[request.param]


@pytest.fixture
def prod(applications: dict[str, Application]) -> Application:
    """Production."""
    return applications["prod"]
