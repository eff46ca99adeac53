"""What Lambda gets: the layer built for AWS for real, and the functions' own packages."""

import io
import json
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from stacks.constructs import python_layer, wheels
from stacks.constructs.function_code import build_function, function_fingerprint
from stacks.constructs.python_layer import build_layer, layer_fingerprint
from stacks.constructs.wheels import WheelBuildError, WheelTarget, installed_wheels
from stacks.environment import ENVIRONMENTS
from stacks.paths import FUNCTIONS, LAYER, PROMPTS, ROOT
from tests.stacks.synthesised import Application
from tests.support import tokens

AWS = WheelTarget(python="3.13", architecture="arm64")
MEGABYTE = 1_000_000
# Functions with wheels or weights of their own.
LARGE = {"admin_authorizer", "crisis_screen"}
ELF_MACHINE_AARCH64 = 183


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer for AWS, with the wheels that pip chose for it."""
    folder = tmp_path_factory.mktemp("layer")
    build_layer(AWS, folder)
    return folder / "python"


def pins(file: Path) -> dict[str, str]:
    """Return name to version of a requirements file."""
    found = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)$", file.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name.lower().replace("_", "-"): version for name, version in found}


def test_every_compiled_module_is_for_the_processor_and_python_of_lambda(layer: Path) -> None:
    """A wheel of the developer's own machine is found by the first invocation on AWS, not before."""
    compiled = sorted(layer.rglob("*.so"))
    assert compiled
    for module in compiled:
        machine = int.from_bytes(module.read_bytes()[18:20], "little")
        assert machine == ELF_MACHINE_AARCH64, module
        assert "cpython-313-aarch64" in module.name or ".abi3." in module.name, module


def test_the_layer_is_small(layer: Path) -> None:
    """Lambda unpacks it at every cold start."""
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())

    assert size <= 60 * MEGABYTE


def test_the_layer_has_the_package_its_data_and_the_prompts(layer: Path) -> None:
    """The prompts lie outside of the layer's folder and are the reserve when bucket and table are down."""
    package = layer / "silent_infinity"

    assert (package / "bootstrap" / "__init__.py").is_file()
    assert (package / "data" / "red_flags.json").is_file()
    assert (package / "schemas" / "turn_request.schema.json").is_file()
    assert not (package / "prompts").is_symlink()
    shipped = {path.relative_to(package / "prompts") for path in (package / "prompts").rglob("*.md")}
    assert shipped == {path.relative_to(PROMPTS) for path in PROMPTS.rglob("*.md")}
    assert shipped


def test_the_layer_has_nothing_that_no_function_needs(layer: Path) -> None:
    """boto3 comes with the runtime; byte code of another interpreter is dead weight."""
    names = {path.name for path in layer.rglob("*")}

    assert not {"boto3", "botocore", "pip", "__pycache__", "tests"} & names
    assert not [name for name in names if name.endswith((".pyc", ".pyi"))]


def test_licences_are_shipped(layer: Path) -> None:
    """Most of what is redistributed asks for it."""
    without = [
        folder.name
        for folder in layer.glob("*.dist-info")
        if not any(re.search("licen|copying|notice", path.name, re.IGNORECASE) for path in folder.rglob("*"))
    ]

    assert without == []


def test_the_functions_run_with_the_versions_that_are_tested() -> None:
    """Otherwise the tests are about another program."""
    shipped, developed = pins(LAYER / "requirements.txt"), pins(ROOT / "requirements.txt")
    both = shipped.keys() & developed.keys()

    assert both >= {"aws-lambda-powertools", "jsonschema", "openai"}
    assert {name: shipped[name] for name in both} == {name: developed[name] for name in both}


def test_every_dependency_of_the_layer_is_pinned(layer: Path) -> None:
    """pip is told to install no dependency by itself, so a missing pin is a missing module."""
    installed = {
        folder.name.partition("-")[0].lower().replace("_", "-") for folder in layer.glob("*.dist-info")
    }
    target = {"python_version": "3.13", "sys_platform": "linux", "platform_machine": "aarch64", "extra": ""}
    requirements = [
        Requirement(line.removeprefix("Requires-Dist: "))
        for folder in layer.glob("*.dist-info")
        for line in (folder / "METADATA").read_text(encoding="utf-8").splitlines()
        if line.startswith("Requires-Dist: ")
    ]
    needed = {
        requirement.name.lower().replace("_", "-")
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(target)
    }

    assert installed == set(pins(LAYER / "requirements.txt"))
    assert needed - installed == set()


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The crisis screen's own asset for AWS, with its wheels and weights."""
    folder = tmp_path_factory.mktemp("screen")
    build_function(FUNCTIONS / "crisis_screen", AWS, folder)
    return folder


def test_the_screen_carries_its_handler_its_weights_and_numpy(screen: Path) -> None:
    """Without one of them every turn would be degraded, and no other test would see it before AWS does."""
    assert (screen / "handler.py").is_file()
    assert (screen / "encoder.npz").is_file()
    assert (screen / "numpy" / "__init__.py").is_file()
    assert not (screen / "requirements.txt").exists()
    for module in sorted(screen.rglob("*.so")):
        machine = int.from_bytes(module.read_bytes()[18:20], "little")
        assert machine == ELF_MACHINE_AARCH64, module


def test_the_screen_and_the_layer_fit_into_a_function(screen: Path, layer: Path) -> None:
    """Lambda unpacks at most 250 MB for a function, its layers included."""
    size = sum(path.stat().st_size for part in (screen, layer) for path in part.rglob("*") if path.is_file())

    assert size <= 150 * MEGABYTE


def test_the_screen_runs_with_the_version_that_is_tested() -> None:
    """Otherwise the tests are about another program."""
    shipped = pins(FUNCTIONS / "crisis_screen" / "requirements.txt")

    assert shipped == {"numpy": pins(ROOT / "requirements.txt")["numpy"]}


@pytest.fixture(scope="module")
def authorizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authorizer's own asset for AWS, with its wheels."""
    folder = tmp_path_factory.mktemp("authorizer")
    build_function(FUNCTIONS / "admin_authorizer", AWS, folder)
    return folder


def test_the_authorizer_carries_what_checks_signatures_and_the_layer_does_not(
    authorizer: Path, layer: Path
) -> None:
    """Every cold start of a turn would pay for a library of which it never signs or checks anything."""
    for name in ("handler.py", "jwt/__init__.py", "cryptography/__init__.py"):
        assert (authorizer / name).is_file(), name
    assert list(authorizer.glob("_cffi_backend*.so"))
    for module in sorted(authorizer.rglob("*.so")):
        machine = int.from_bytes(module.read_bytes()[18:20], "little")
        assert machine == ELF_MACHINE_AARCH64, module
    size = sum(path.stat().st_size for path in authorizer.rglob("*") if path.is_file())
    assert size <= 20 * MEGABYTE
    assert not (layer / "jwt").exists()
    assert not (layer / "cryptography").exists()


def test_the_authorizer_checks_with_what_its_own_asset_has(tmp_path: Path) -> None:
    """A wheel that is missing there is present wherever tests run; here nothing else can be imported."""
    host = WheelTarget(
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        architecture={"aarch64": "arm64"}.get(platform.machine(), platform.machine()),
    )
    build_function(FUNCTIONS / "admin_authorizer", host, tmp_path)
    code = (
        "import json, sys; sys.path[:0] = [sys.argv[1], sys.argv[2]]\n"
        "from silent_infinity.adapters.tokens.key_set import KeySet\n"
        "from silent_infinity.adapters.tokens.pool_tokens import PoolTokens\n"
        "keys = KeySet('', fetch=lambda _: json.dumps({'keys': [json.loads(sys.argv[3])]}).encode())\n"
        "print(PoolTokens(keys, issuer=sys.argv[4], client_id=sys.argv[5]).claims(sys.argv[6])['sub'])"
    )
    paths = [str(tmp_path), str(LAYER / "python")]
    told = [json.dumps(tokens.public_key()), tokens.ISSUER, tokens.CLIENT_ID, tokens.signed(tokens.claims())]
    # -S: without the site-packages of this environment.
    run = subprocess.run(  # noqa: S603 -- this interpreter, and the code above
        [sys.executable, "-S", "-c", code, *paths, *told], capture_output=True, text=True, check=False
    )

    assert run.stdout.strip() == tokens.claims()["sub"], run.stderr


def test_the_authorizer_runs_with_the_versions_that_are_tested() -> None:
    """Otherwise the tests are about another program."""
    shipped = pins(FUNCTIONS / "admin_authorizer" / "requirements.txt")
    tested = pins(ROOT / "requirements.txt")

    assert {name: shipped[name] for name in ("pyjwt", "cryptography")} == {
        name: tested[name] for name in ("pyjwt", "cryptography")
    }


def test_a_changed_weight_changes_the_fingerprint_of_the_function(tmp_path: Path) -> None:
    """A new model has to be deployed although no line of code was touched."""
    (tmp_path / "handler.py").write_text("", encoding="utf-8")
    weights = tmp_path / "encoder.npz"
    weights.write_bytes(b"1")
    before = function_fingerprint(tmp_path, AWS)
    weights.write_bytes(b"2")

    assert function_fingerprint(tmp_path, AWS) != before


@pytest.mark.parametrize(
    "name",
    sorted(path.parent.name for path in FUNCTIONS.glob("*/handler.py") if path.parent.name not in LARGE),
)
def test_a_functions_own_package_is_tiny(name: str) -> None:
    """What two functions share belongs into the layer, which is cached."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (FUNCTIONS / name).rglob("*"):
            if "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(FUNCTIONS / name))

    assert package.tell() <= 50_000


def test_a_changed_source_changes_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fingerprint decides whether anything is built and deployed at all."""
    sources = tmp_path / "python"
    (sources / "silent_infinity").mkdir(parents=True)
    module = sources / "silent_infinity" / "module.py"
    requirements = tmp_path / "requirements.txt"
    outside = tmp_path / "prompts"
    outside.mkdir()
    (sources / "silent_infinity" / "prompts").symlink_to(outside)
    monkeypatch.setattr(python_layer, "LAYER", tmp_path)
    monkeypatch.setattr(python_layer, "SOURCES", sources)
    monkeypatch.setattr(python_layer, "REQUIREMENTS", requirements)
    seen = set()
    for changed, text in [(module, "1"), (module, "2"), (requirements, "a==1"), (outside / "v1.md", "Hello")]:
        requirements.touch()
        changed.write_text(text, encoding="utf-8")
        seen.add(layer_fingerprint(AWS))
    seen.add(layer_fingerprint(WheelTarget(python="3.13", architecture="x86_64")))

    assert len(seen) == 5


def test_compiled_python_does_not_change_the_fingerprint() -> None:
    """Otherwise running the tests would make the next deployment build a layer."""
    before = layer_fingerprint(AWS)
    cache = python_layer.SOURCES / "silent_infinity" / "__pycache__"
    existed = cache.exists()
    cache.mkdir(exist_ok=True)
    stray = cache / "stray.cpython-399.pyc"
    stray.write_bytes(b"x")
    try:
        assert layer_fingerprint(AWS) == before
    finally:
        stray.unlink()
        if not existed:
            cache.rmdir()


def test_wheels_are_kept_for_each_set_of_pins_and_each_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel for the wrong processor is found out when the first person writes."""
    built: list[Path] = []

    def install(_pins: Path, _target: WheelTarget, folder: Path) -> None:
        folder.mkdir()
        built.append(folder)

    monkeypatch.setattr(wheels, "_pip_install", install)
    monkeypatch.setattr(wheels, "WHEEL_CACHE", tmp_path / "cache")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("a==1\n", encoding="utf-8")
    folders = [
        installed_wheels(requirements, WheelTarget(python=python, architecture=architecture))
        for python, architecture in [("3.13", "arm64"), ("3.13", "x86_64"), ("3.12", "arm64")]
    ]
    assert installed_wheels(requirements, AWS) == folders[0]
    assert len(built) == 3
    requirements.write_text("a==2\n", encoding="utf-8")
    folders.append(installed_wheels(requirements, AWS))

    assert len(set(folders)) == len(built) == 4
    assert all(folder.is_dir() for folder in folders)


@pytest.mark.parametrize("with_scipy", [False, True])
def test_of_a_wheel_its_code_and_its_licences_are_kept(
    with_scipy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests and compilers would be unpacked at every cold start; licences are a condition of use.

    SciPy imports every name of NumPy, its compiler's among them.
    """
    kept = {
        *("one/code.py", "one/bin/data.txt", "one.dist-info/METADATA", "one.dist-info/licenses/AUTHORS"),
        *("one.dist-info/licenses/vendored/terms.txt", "one.dist-info/NOTICE.md"),
    }
    spare = {
        *("one/tests/test_code.py", "one/f2py/compiler.py", "one/__pycache__/code.pyc", "one/code.pyi"),
        *("bin/script", "one.dist-info/RECORD"),
    }
    if with_scipy:
        kept |= {"scipy/code.py", "one/f2py/compiler.py"}
        spare -= kept

    def install(_pins: Path, _target: WheelTarget, folder: Path) -> None:
        for name in kept | spare:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()

    monkeypatch.setattr(wheels, "_pip_install", install)
    monkeypatch.setattr(wheels, "WHEEL_CACHE", tmp_path / "cache")
    (tmp_path / "requirements.txt").touch()
    folder = installed_wheels(tmp_path / "requirements.txt", AWS)

    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == kept


def test_the_fingerprint_of_a_function_is_of_all_that_is_built_and_of_nothing_else(tmp_path: Path) -> None:
    """A change that goes unseen is not deployed; byte code that is seen deploys for no reason."""
    first, second = tmp_path / "handler.py", tmp_path / "help.py"
    first.write_text("1", encoding="utf-8")
    seen = {function_fingerprint(tmp_path, AWS)}
    seen.add(function_fingerprint(tmp_path, WheelTarget(python="3.13", architecture="x86_64")))
    seen.add(function_fingerprint(tmp_path, WheelTarget(python="3.12", architecture="arm64")))
    first.rename(second)
    seen.add(function_fingerprint(tmp_path, AWS))
    assert len(seen) == 4

    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "help.cpython-313.pyc").touch()
    seen.add(function_fingerprint(tmp_path, AWS))

    assert len(seen) == 4


def test_a_pin_that_cannot_be_installed_fails_with_pips_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Falling back to Docker, or to a source build, would hide it."""
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("./no-such-wheel.whl\n", encoding="utf-8")
    monkeypatch.setattr(python_layer, "REQUIREMENTS", requirements)
    monkeypatch.setattr(wheels, "WHEEL_CACHE", tmp_path / "cache")

    with pytest.raises(WheelBuildError, match="no-such-wheel"):
        build_layer(AWS, tmp_path / "out")

    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_environment_deploys_what_is_tested_here(name: str, applications: dict[str, Application]) -> None:
    """These tests build for one target; AWS must not be given another."""
    environment = applications[name].environment
    if not environment.is_local:
        assert (environment.lambda_python, environment.lambda_architecture) == ("3.13", "arm64")
    layers = applications[name].properties("AWS::Lambda::LayerVersion").values()
    assert json.dumps([layer["CompatibleRuntimes"] for layer in layers]) == json.dumps(
        [[f"python{environment.lambda_python}"]] * 5  # turn, background, API, analytics, promotion
    )
