"""Certificates for one run of a class, so that nobody else on the machine can speak to the workers.

Whoever reaches a Dask scheduler can let its workers run any code, and Dask itself asks nobody who they are. With TLS
in both directions only those take part who have the key, which lies in a folder that only the instructor can read.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from distributed.security import Security


def temporary_security(folder: Path) -> Security | None:
    """A key and a certificate for scheduler, workers and client; None where there is no openssl.

    Args:
        folder: Where they are written; nobody else may be able to read it.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    command += ["-subj", "/CN=grading", "-keyout", str(key), "-out", str(certificate)]
    if subprocess.run(command, capture_output=True).returncode:
        return None
    paths = {f"tls_{role}_{what}": str(path) for role in ("client", "scheduler", "worker") for what, path in
             (("key", key), ("cert", certificate))}  # fmt: skip
    return Security(require_encryption=True, tls_ca_file=str(certificate), **paths)
