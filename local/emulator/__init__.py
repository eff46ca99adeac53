"""MiniStack, an emulator of the AWS API, started on loopback with the completions that the templates need.

Run ``python -m local.emulator`` with the repository root as working directory (or on PYTHONPATH) and the
interpreter of a virtual environment that holds nothing but ``local/emulator/requirements.txt``. It serves
until SIGTERM.

It is ready when its log says ``Ready — … services available on port …``, or when ``GET /_ministack/ready``
answers 200 (``/_ministack/health`` answers 200 a little earlier). The completions are logged first, one
line each.

Variables read by the launcher:

- ``SILENT_INFINITY_COMPLETIONS_OFF``: names of completions to leave out, comma-separated, or ``all``. Tests
  use it to show the gap that a completion closes.
- ``BIND_HOST`` (default here 127.0.0.1) and ``IOT_MTLS_ENABLED`` (default here 0).

Variables of MiniStack that callers set:

- ``GATEWAY_PORT``: the port (default 4566). Lambda functions get ``AWS_ENDPOINT_URL`` from it.
- ``PERSIST_STATE=1`` with ``STATE_DIR``; for objects also ``S3_PERSIST=1`` with ``S3_DATA_DIR``. State is
  written when the process ends by SIGTERM or SIGINT, not by SIGKILL.
- ``MINISTACK_REGION``, ``MINISTACK_ACCOUNT_ID``; ``AUTH=true`` enforces IAM; ``LOG_LEVEL``;
  ``SFN_WAIT_SCALE``.
- ``TMPDIR``: where Lambda code and layers are unpacked, and the pid file of a port lives.
- Everything in its environment reaches Lambda functions too: start it with a clean one.
"""
