"""Functions run in a Lambda-like environment, not in the emulator's.

Gap: every variable of the emulator's own environment reaches the functions, PYTHONPATH included, so that
they import modules of the repository that no asset holds; layers come before the function's own code on
``sys.path``; variables that AWS sets (``AWS_EXECUTION_ENV``, ``LAMBDA_RUNTIME_DIR``,
``AWS_LAMBDA_LOG_GROUP_NAME``) are missing.
Fix: functions get the variables below and their own; their code comes first.
There is still no ``/opt``: layers lie elsewhere, so data files are found relative to their module
(``importlib.resources``), never by a path.
"""

from __future__ import annotations

import os
from typing import Any

from local.emulator import seams

SUMMARY = (
    "functions see no variable and no module of the emulator's own environment; their code precedes layers"
)

# The machine's part of a function's environment.
_PASSED_ON = ("LD_LIBRARY_PATH", "PATH", "SSL_CERT_FILE", "TMPDIR")

_CODE_FIRST = """    sys.path.insert(0, code_dir)
    for _ld in"""
_LAYERS_FIRST = """    for _ld in"""
_END_OF_LAYERS = """    _ms_install_invoke_depth()
    try:
        mod = importlib"""
_CODE_LAST = """    sys.path.insert(0, code_dir)
    _ms_install_invoke_depth()
    try:
        mod = importlib"""


def install() -> None:
    """Patch what a Python worker is started with."""
    runtime = seams.module("core.lambda_runtime")
    seams.replace_text(runtime, "_PYTHON_WORKER_SCRIPT", _CODE_FIRST, _LAYERS_FIRST)
    seams.replace_text(runtime, "_PYTHON_WORKER_SCRIPT", _END_OF_LAYERS, _CODE_LAST)
    machine = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}

    def lambda_environment(config: dict[str, Any]) -> dict[str, str]:
        log_group = config.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        return {
            **machine,
            # HOME is absent, as on AWS, but the SDK would still find the developer's profiles.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', 'python')}",
            "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "TZ": ":UTC",
        }

    runtime._lambda_environment = lambda_environment
    seams.recompile(
        runtime.Worker,
        "_spawn",
        "spawn_env = {**os.environ, **env_vars}",
        "spawn_env = {**_lambda_environment(self.config), **env_vars}",
    )
